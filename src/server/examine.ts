import { Refusal } from "../core/errors.ts";
import { parseJob, parseRun } from "../core/github-answers.ts";
import type { Grant } from "../core/grant.ts";
import { identify, type RunIdentity, selectJob } from "../core/identity.ts";
import { type Ask, decide, needsRef } from "../core/policy.ts";
import { proveRef } from "../core/ref.ts";
import type { JobSelector } from "../core/request.ts";
import type { GitHubFacts, RunAddress } from "./github/ports.ts";

/** What is to be found out: which run and job, and what they ask for. */
export interface Inquiry extends Ask {
  run_id: number;
  run_attempt: number;
  job: JobSelector;
  /** As a token has proved it; GitHub's REST API does not tell it. */
  environment: string | null;
}

/** A run that a grant allows what it asks: all that later steps need of it. */
export interface Case {
  readonly grant: Grant;
  readonly identity: RunIdentity;
  /** The proved ref; undefined when no grant asked for it. */
  readonly ref: string | null | undefined;
  /** Run and job as GitHub's REST API gives them, or what a token has of them. */
  readonly facts: { readonly run: unknown; readonly job: unknown };
  /** When the oldest of these answers was asked for, monotonic milliseconds. */
  readonly at: number;
}

/** Run and job may be this old when AWS is asked, in milliseconds. */
export const freshForMs = 2_000;

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
  inquiry: Inquiry,
  times: Times,
  findings: Findings,
): Promise<Case> {
  const address = addressOf(inquiry);
  const { notBefore } = times;
  const [run, jobs] = await Promise.all([
    github.run(address, notBefore),
    github.jobs(address, notBefore),
  ]);
  const parsedJobs = jobs.value.map(parseJob);
  const job = selectJob(parsedJobs, inquiry.job);
  const identity = {
    ...identify(parseRun(run.value), job, inquiry),
    environment: inquiry.environment,
  };
  findings.identity = identity;
  const ref = needsRef(grants, identity, inquiry)
    ? await lookUpRef(github, identity, times)
    : undefined;
  findings.ref = ref?.value;
  return {
    grant: decide(grants, identity, inquiry, ref ? { proved: ref.value } : "unknown"),
    identity,
    ref: ref?.value,
    facts: { run: run.value, job: jobs.value[parsedJobs.indexOf(job)] },
    at: Math.min(run.at, jobs.at, ref?.at ?? run.at),
  };
}

export function addressOf(
  inquiry: Pick<Inquiry, "repository" | "run_id" | "run_attempt">,
): RunAddress {
  return { repository: inquiry.repository, runId: inquiry.run_id, runAttempt: inquiry.run_attempt };
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
