/** A statement of a policy, as far as those of the documentation go. */
export interface Statement {
  readonly Effect: "Allow";
  readonly Principal?: { readonly AWS: string };
  readonly Action: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | string[]>>>>;
}

export interface Policy {
  readonly Version: "2012-10-17";
  readonly Statement: readonly Statement[];
}

/** Who calls, and what IAM knows of the call. */
export interface Call {
  /** The caller's role. */
  readonly principal: string;
  readonly externalId?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

/** Whether a trust policy lets the call of AssumeRole pass; with tags it takes sts:TagSession as well. */
export function trusts({ Statement }: Policy, call: Call): boolean {
  const allows = (action: string): boolean =>
    Statement.some((it) => listed(it.Action).includes(action) && fits(it, call));
  return (
    allows("sts:AssumeRole") && (Object.keys(call.tags).length === 0 || allows("sts:TagSession"))
  );
}

export const listed = (value: string | readonly string[] = []): readonly string[] => [value].flat();

function fits({ Effect, Principal, Condition = {} }: Statement, call: Call): boolean {
  if (Effect !== "Allow") throw new Error(`nothing is known here of ${String(Effect)}`);
  const trusted = Principal?.AWS ?? "";
  const [, account] = /^arn:aws:iam::(\d+):root$/.exec(trusted) ?? [];
  // An account's root stands for whoever that account allows.
  const isCaller =
    trusted === call.principal || (account && call.principal.includes(`::${account}:`));
  const holds = ([operator, keys]: [string, Record<string, string | string[]>]): boolean =>
    Object.entries(keys).every(([key, values]) =>
      compare(operator, contextOf(key, call), listed(values)),
    );
  return Boolean(isCaller) && Object.entries(Condition).every(holds);
}

/** The values of a condition key; none if the call has no such key. */
function contextOf(key: string, { externalId, tags }: Call): readonly string[] {
  if (key === "sts:ExternalId") return listed(externalId);
  if (key === "aws:TagKeys") return Object.keys(tags);
  const [, tag] = /^aws:RequestTag\/(.+)$/.exec(key) ?? [];
  if (tag === undefined) throw new Error(`nothing is known here of ${key}`);
  return listed(tags[tag]);
}

function compare(operator: string, actual: readonly string[], wanted: readonly string[]): boolean {
  if (operator === "StringEquals") return actual.some((value) => wanted.includes(value));
  // True where there is no value at all, which is what makes it dangerous by itself.
  if (operator === "ForAllValues:StringEquals")
    return actual.every((value) => wanted.includes(value));
  if (operator === "Null") return wanted.includes(String(actual.length === 0));
  throw new Error(`nothing is known here of ${operator}`);
}
