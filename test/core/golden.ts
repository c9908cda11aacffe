import { expect } from "vitest";
import type { Code, Refusal } from "../../src/core/errors.ts";
import type { Grant } from "../../src/core/grant.ts";
import { grantSchema } from "../../src/core/grant.ts";
import { type Job as JobAnswer, parseJob, parseRun } from "../../src/core/github-answers.ts";
import { identify, type RunIdentity, selectJob } from "../../src/core/identity.ts";
import { golden } from "../world/github/golden.ts";
import { jobShape, runShape } from "../world/github/run-shapes.ts";
import { State } from "../world/github/state.ts";

export const now = Date.parse("2026-08-01T12:00:00Z");
export const roleArn = "arn:aws:iam::123456789012:role/app-deploy";

/** The golden case as GitHub tells it, without a wire: change its objects, then look. */
export function goldenCase() {
  const state = new State(() => now);
  const made = golden(state);
  const runJson = () => runShape(state, made.run);
  const jobsJson = () => made.run.attempts.at(-1)?.jobs.map((job) => jobShape(state, job)) ?? [];
  return {
    ...made,
    state,
    runJson,
    jobsJson,
    jobs: (): JobAnswer[] => jobsJson().map(parseJob),
    identify: (asked: Partial<typeof goldenAsk> = {}, change = (run: object) => run) =>
      identify(parseRun(change(runJson())), selectJob(jobsJson().map(parseJob), { id: 7_001 }), {
        ...goldenAsk,
        ...asked,
      }),
  };
}

export const goldenAsk = { repository: "acme/app", run_id: 5_001, run_attempt: 1 };

export function goldenIdentity(change: Partial<RunIdentity> = {}): RunIdentity {
  return { ...goldenCase().identify(), ...change };
}

/** A grant as the operator would write it; what is not said is like the golden case's. */
export function grantOf(fields: Record<string, unknown> = {}): Grant {
  return grantSchema.parse({
    name: "app-deploy",
    repository: "acme/app",
    step: "assume role",
    role: roleArn,
    ...fields,
  });
}

/** For `code`: the caller hears a sentence of ours. */
export const told = { detail: expect.stringMatching(/^[A-Z].*[.:?].*$/) as string };

/** Matches a refusal with this code, for `toThrow`. */
export function code(expected: Code, more: Partial<Record<keyof Refusal, unknown>> = {}): Error {
  return expect.objectContaining({ code: expected, ...more }) as Error;
}
