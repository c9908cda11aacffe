import { Refusal } from "../../core/errors.ts";
import { parseRun, type Run } from "../../core/github-answers.ts";
import type { GitHubFacts, RunAddress } from "../github/ports.ts";
import type { RecordedRefs } from "../recording.ts";
import { type LeftOut, type LogSource, RecordedLogs, type Target } from "./logs.ts";
import type { Redaction } from "./redaction.ts";

/** What a recorder reads of GitHub. */
export interface Source extends LogSource {
  readonly facts: GitHubFacts;
  /** The run as it was in an attempt; {@link GitHubFacts.run} gives the latest. */
  attempt(at: RunAddress): Promise<unknown>;
}

export interface Options {
  repository: string;
  runId: number;
  /** Undefined for the latest. */
  attempt: number | undefined;
  /** Between two looks at a run that goes on. */
  pause: () => Promise<void>;
  /** Monotonic milliseconds. */
  now: () => number;
}

/** What has become of it. */
export interface Recorded {
  repository: string;
  runId: number;
  attempt: number;
  jobs: number;
  logs: number;
  feeds: number;
  left: readonly LeftOut[];
}

/** A run that goes on is looked at until nothing has changed between two looks, or so many times. */
const mostLooks = 6;

/**
 * Writes a run as GitHub shows it: run, jobs, refs, and what each step has said, without secrets.
 *
 * @throws {Refusal}
 */
export async function record(
  source: Source,
  target: Target,
  redaction: Redaction,
  options: Options,
): Promise<Recorded> {
  const write = (name: string, content: unknown): void =>
    target.write(name, `${JSON.stringify(redaction.json(content, name), null, 2)}\n`);
  const address = await addressOf(source, options);
  const logs = new RecordedLogs(source, target, redaction, address);
  let seen = await look(source, address, options);
  redaction.hideAddresses(addressesIn(seen.run));
  for (let looks = 1; (await logs.read(seen.jobs)) && looks < mostLooks; looks++) {
    await options.pause();
    seen = await look(source, address, options);
  }
  logs.finish();
  const run = parseRun(seen.run);
  const refs = await refsOf(source.facts, run, options).catch(leftOut);
  write("run.json", seen.run);
  write("jobs.json", { total_count: seen.jobs.length, jobs: seen.jobs });
  if (refs !== null && "name" in refs) write("refs.json", refs);
  return {
    repository: run.repository.full_name,
    runId: run.id,
    attempt: run.run_attempt,
    jobs: seen.jobs.length,
    logs: logs.logs,
    feeds: logs.feeds,
    left: [...logs.left, ...(refs !== null && "why" in refs ? [refs] : [])],
  };
}

async function addressOf(
  { facts }: Source,
  { repository, runId, attempt, now }: Options,
): Promise<RunAddress> {
  const run = parseRun((await facts.run({ repository, runId, runAttempt: 0 }, now())).value);
  return { repository, runId, runAttempt: attempt ?? run.run_attempt };
}

async function look(
  source: Source,
  address: RunAddress,
  { attempt, now }: Options,
): Promise<{ run: unknown; jobs: readonly unknown[] }> {
  const [run, jobs] = await Promise.all([
    attempt === undefined
      ? source.facts.run(address, now()).then(({ value }) => value)
      : source.attempt(address),
    source.facts.jobs(address, now()),
  ]);
  return { run, jobs: jobs.value };
}

/** What a decision would ask of the run's branch or tag; null when the run has no name for one. */
async function refsOf(
  facts: GitHubFacts,
  { repository, head_branch: name, head_sha: sha }: Run,
  { now }: Options,
): Promise<RecordedRefs | null> {
  if (!name) return null;
  const { branch, tag } = (await facts.refs(repository.full_name, name, now())).value;
  const moved = branch !== null && branch !== sha;
  const comparison = moved ? await facts.compare(repository.full_name, sha, branch, now()) : null;
  return { name, branch, tag, comparison };
}

/** A token that may read Actions alone does for all but the refs. */
function leftOut(error: unknown): LeftOut {
  if (!(error instanceof Refusal)) throw error;
  return { place: "refs.json", why: "GitHub does not show the branch: the run counts as its tip" };
}

/** Of author, committer and whoever else has one in the run. */
function addressesIn(json: unknown): string[] {
  if (typeof json !== "object" || json === null) return [];
  return Object.entries(json).flatMap(([name, value]: [string, unknown]) =>
    name === "email" && typeof value === "string" ? [value] : addressesIn(value),
  );
}
