import type { Grant } from "../core/grant.ts";
import { parseJob, parseRun } from "../core/github-answers.ts";
import { identify, type RunIdentity, selectJob } from "../core/identity.ts";
import { decide, needsRef } from "../core/policy.ts";
import { proveRef } from "../core/ref.ts";
import type { CredentialRequest } from "../core/request.ts";
import { Refusal } from "../core/errors.ts";
import type { GitHubFacts } from "./github/ports.ts";

/** A run that a grant allows what it asks: all that later steps need of it. */
export interface Case {
  readonly grant: Grant;
  readonly identity: RunIdentity;
  /** The proved ref; undefined when no grant asked for it. */
  readonly ref: string | null | undefined;
  /** Run and job as GitHub's REST API gives them. */
  readonly facts: { readonly run: unknown; readonly job: unknown };
  /** When the oldest of these answers was asked for, monotonic milliseconds. */
  readonly at: number;
}

/** Monotonic milliseconds. */
export interface Times {
  /** Answers asked for earlier do not count. */
  notBefore: number;
  /** When the request came. */
  arrivedAt: number;
}

/** What came to light before a refusal, for the audit. */
export interface Findings {
  identity?: RunIdentity | undefined;
  ref?: string | null | undefined;
}

/**
 * Looks the run up and decides on it.
 *
 * @throws {Refusal} with what stands against it
 */
export async function examine(
  github: GitHubFacts,
  grants: readonly Grant[],
  ask: CredentialRequest,
  times: Times,
  findings: Findings,
): Promise<Case> {
  const { notBefore } = times;
  const address = { repository: ask.repository, runId: ask.run_id, runAttempt: ask.run_attempt };
  const [run, jobs] = await Promise.all([
    github.run(address, notBefore),
    github.jobs(address, notBefore),
  ]);
  const parsedJobs = jobs.value.map(parseJob);
  const job = selectJob(parsedJobs, ask.job);
  const identity = identify(parseRun(run.value), job, ask);
  findings.identity = identity;
  const ref = needsRef(grants, identity, ask)
    ? await lookUpRef(github, identity, times)
    : undefined;
  findings.ref = ref?.value;
  return {
    grant: decide(grants, identity, ask, ref ? { proved: ref.value } : "unknown"),
    identity,
    ref: ref?.value,
    facts: { run: run.value, job: jobs.value[parsedJobs.indexOf(job)] },
    at: Math.min(run.at, jobs.at, ref?.at ?? run.at),
  };
}

async function lookUpRef(
  github: GitHubFacts,
  identity: RunIdentity,
  { notBefore, arrivedAt }: Times,
): Promise<{ value: string | null; at: number }> {
  const repository = identity.repository.name;
  const ask = (since: number): ReturnType<GitHubFacts["refs"]> =>
    github.refs(repository, identity.headBranch ?? "", since);
  const shared = await ask(notBefore);
  // A push moves the branch a moment before its run asks: a new look is cheaper than a comparison.
  const moved = shared.value.branch !== null && shared.value.branch !== identity.headSha;
  const { value, at } = moved ? await ask(Math.max(notBefore, arrivedAt)) : shared;
  const compare = (tip: string): ReturnType<GitHubFacts["compare"]> =>
    github.compare(repository, identity.headSha, tip, notBefore);
  return { value: await proveRef(identity, value, compare), at };
}

/**
 * Examines with answers that may be shared; before a refusal, once more with answers asked for since
 * the request came: a stored answer may allow, never deny.
 */
export async function examineFairly(
  look: (times: Times) => Promise<Case>,
  times: Times,
): Promise<Case> {
  try {
    return await look(times);
  } catch (error) {
    // GitHub in trouble is not a denial: asking it twice would only add to the trouble.
    const denied = error instanceof Refusal && !error.code.startsWith("github_");
    if (!denied || times.notBefore >= times.arrivedAt) throw error;
    return look({ ...times, notBefore: times.arrivedAt });
  }
}
