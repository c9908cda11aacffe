import { runSimulation } from "@cloud-copilot/iam-simulate";
import type { Call } from "./iam.ts";

/** A role as IAM knows it, policies as they stand in its template. */
export interface Role {
  readonly arn: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly trust: object;
}

/** The caller's own policies. */
export type Policies = readonly { readonly PolicyName: string; readonly PolicyDocument: object }[];

/** One action on one thing. @returns whether IAM would let it pass. @throws for what is no request of AWS's */
export async function allows(
  request: {
    principal: string;
    policies: Policies;
    action: string;
    resource: string;
    context?: Record<string, string | string[]>;
    /** The policy of the thing itself: of a role, its trust policy. */
    resourcePolicy?: object;
  },
  account = request.resource.split(":")[4] ?? "",
): Promise<boolean> {
  const { principal, policies, action, resource, context = {}, resourcePolicy } = request;
  const answer = await runSimulation(
    {
      request: {
        principal,
        action,
        resource: { resource, accountId: account },
        contextVariables: context,
      },
      identityPolicies: policies.map(({ PolicyName: name, PolicyDocument: policy }) => ({
        name,
        policy,
      })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(resourcePolicy && { resourcePolicy }),
    },
    {},
  );
  if (answer.resultType === "error") throw new Error(JSON.stringify(answer.errors));
  return answer.overallResult === "Allowed";
}

/** AssumeRole as the broker calls it; with tags it takes sts:TagSession as well. */
export async function mayAssume(
  { principal, externalId, tags }: Call,
  policies: Policies,
  role: Role,
): Promise<boolean> {
  const [, , , , account, name] = /^(arn):(aws):(iam)::(\d+):role\/(.+)$/.exec(principal) ?? [];
  const named = (prefix: string, values: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix}/${key}`, value]));
  const keys = Object.keys(tags);
  const context = {
    ...named("aws:ResourceTag", role.tags),
    ...named("aws:RequestTag", tags),
    ...(keys.length > 0 && { "aws:TagKeys": keys }),
    ...(externalId !== undefined && { "sts:ExternalId": externalId }),
  };
  const request = {
    principal: `arn:aws:sts::${account}:assumed-role/${name}/session`,
    policies,
    resource: role.arn,
    context,
    resourcePolicy: role.trust,
  };
  const actions = ["sts:AssumeRole", ...(keys.length > 0 ? ["sts:TagSession"] : [])];
  const verdicts = await Promise.all(actions.map((action) => allows({ ...request, action })));
  return verdicts.every(Boolean);
}
