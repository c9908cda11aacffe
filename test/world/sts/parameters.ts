/** AssumeRole's parameters, decoded from the query protocol's form. */
export interface AssumeRoleParameters {
  readonly roleArn: string;
  readonly roleSessionName: string;
  readonly externalId?: string;
  readonly durationSeconds?: number;
  readonly sourceIdentity?: string;
  readonly tags: Record<string, string>;
  /** As sent: an object would hide two equal keys. */
  readonly tagList: readonly { readonly key: string; readonly value: string }[];
  readonly transitiveTagKeys: readonly string[];
  readonly policy?: string;
  readonly policyArns: readonly string[];
}

export function assumeRoleParameters(form: URLSearchParams): AssumeRoleParameters {
  const tagList = members(form, "Tags").map((prefix) => ({
    key: form.get(`${prefix}.Key`) ?? "",
    value: form.get(`${prefix}.Value`) ?? "",
  }));
  const externalId = form.get("ExternalId");
  const duration = form.get("DurationSeconds");
  const policy = form.get("Policy");
  const sourceIdentity = form.get("SourceIdentity");
  return {
    roleArn: form.get("RoleArn") ?? "",
    roleSessionName: form.get("RoleSessionName") ?? "",
    ...(externalId === null ? {} : { externalId }),
    ...(duration === null ? {} : { durationSeconds: Number(duration) }),
    ...(sourceIdentity === null ? {} : { sourceIdentity }),
    tags: Object.fromEntries(tagList.map(({ key, value }) => [key, value])),
    tagList,
    transitiveTagKeys: members(form, "TransitiveTagKeys").map((name) => form.get(name) ?? ""),
    ...(policy === null ? {} : { policy }),
    policyArns: members(form, "PolicyArns").map((prefix) => form.get(`${prefix}.arn`) ?? ""),
  };
}

/** `Tags.member.1`, `Tags.member.2`, … as far as they go. */
function members(form: URLSearchParams, list: string): string[] {
  const names = new Set<string>();
  for (const name of form.keys()) {
    const [, member] = /^(\w+\.member\.\d+)/.exec(name) ?? [];
    if (member?.startsWith(`${list}.`) === true) names.add(member);
  }
  return [...names];
}
