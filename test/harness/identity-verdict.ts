import type { Reply } from "../world/ask.ts";
import type { Job } from "../world/index.ts";
import type { AssumeRoleParameters } from "../world/sts/parameters.ts";
import type { Bench } from "./bench.ts";
import type { Body } from "./client.ts";

/** What must come of a case; `either` where both are right, as long as nobody gets another identity. */
export type Must = "refused" | "served" | "either";

export interface Outcome {
  /** Says in a failure which case it was. */
  readonly name: string;
  readonly job: Job;
  readonly reply: Reply;
  readonly must: Must;
  /** Keys of tags that may follow what was changed, since their values are taken from it. */
  readonly follows: readonly string[];
}

/** What AWS is asked for a job of acme/app when nothing is changed, but for the tags. */
export interface HonestSession {
  readonly role: string;
  readonly tags: Readonly<Record<string, string | number>>;
}

/**
 * What is wrong with what came of the cases: nothing if each was refused, without a call of AWS, or
 * AWS was asked, once, for the very session of the honest run.
 */
export function faultsOf(
  bench: Bench,
  outcomes: readonly Outcome[],
  honest: (job: Job) => HonestSession,
): string[] {
  const calls = new Map<string, AssumeRoleParameters[]>();
  for (const call of bench.world.sts.assumed)
    calls.set(call.roleSessionName, [...(calls.get(call.roleSessionName) ?? []), call]);
  const faults = outcomes.flatMap((outcome) => {
    const session = sessionOf(outcome.job);
    const made = calls.get(session) ?? [];
    calls.delete(session);
    const fault = faultOf(outcome, made, honest(outcome.job));
    return fault === undefined ? [] : [`${outcome.name}: ${fault}`];
  });
  return [...faults, ...[...calls.keys()].map((session) => `AWS was asked for ${session}`)];
}

function faultOf(
  { job, reply, must, follows }: Outcome,
  made: readonly AssumeRoleParameters[],
  honest: HonestSession,
): string | undefined {
  const { code = "", detail } = reply.json as Body;
  const served = reply.status === 200;
  if (made.length !== (served ? 1 : 0))
    return `${code || "served"} with ${made.length} calls of AWS`;
  if (served && must === "refused") return "served";
  if (!served && must === "served") return `refused with ${code}: ${detail}`;
  // Neither speaks of what was changed: the case would prove nothing.
  if (["rate_limited", "internal_error", "invalid_request"].includes(code)) return code;
  const [call] = made;
  return call && differenceOf(call, honest, job, follows);
}

function differenceOf(
  call: AssumeRoleParameters,
  { role, tags }: HonestSession,
  job: Job,
  follows: readonly string[],
): string | undefined {
  const { tagList, tags: _, externalId = "", ...rest } = call;
  // GitHub's own spelling of the repository is both a tag and the external id.
  const respelled = follows.includes("github:repo");
  const fold = (text: string): string => (respelled ? text.toLowerCase() : text);
  const pinned = (list: typeof tagList): object[] =>
    list.filter(({ key }) => !follows.includes(key) || tags[key] === undefined);
  const wanted = Object.entries(tags).map(([key, value]) => ({ key, value: String(value) }));
  const asked = { ...rest, externalId: fold(externalId), tags: pinned(tagList) };
  const expected = {
    roleArn: role,
    roleSessionName: sessionOf(job),
    durationSeconds: 900,
    transitiveTagKeys: [],
    policyArns: [],
    externalId: "acme/app",
    tags: pinned(wanted),
  };
  const names = Object.keys({ ...asked, ...expected }) as (keyof typeof expected)[];
  const differ = names.filter(
    (name) => JSON.stringify(asked[name]) !== JSON.stringify(expected[name]),
  );
  if (differ.length === 0) return undefined;
  return `another session: ${differ.map((name) => `${name} ${JSON.stringify(asked[name])}`).join(", ")}`;
}

function sessionOf({ run, attempt, id }: Job): string {
  return `a2a-${run.repository.id}-${run.id}-${attempt.number}-${id}`;
}

/** Of tests with some hundreds of cases, on a machine that has much else to do. */
export const patient = { timeout: 90_000 };

/** Does so for each, no more than so many at once; results in order. */
export async function each<Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
  width = 24,
): Promise<Result[]> {
  const results: Result[] = [];
  const todo = [...items.entries()];
  const work = async (): Promise<void> => {
    for (let next = todo.shift(); next !== undefined; next = todo.shift())
      results[next[0]] = await act(next[1]);
  };
  await Promise.all(Array.from({ length: width }, work));
  return results;
}
