import { usageError } from "./failure.ts";
import type { Environment } from "./host.ts";

/** The run that we are in, as the runner's variables tell it. They select; the broker asks GitHub. */
export interface RunContext {
  readonly repository: string;
  readonly runId: number;
  readonly runAttempt: number;
  readonly job: { id?: number; runner_name?: string; name?: string };
  readonly ref: string | undefined;
}

/** These and no other variables leave (C-18). */
export function readRunContext(env: Environment, jobId: number | undefined): RunContext {
  const repository = env.GITHUB_REPOSITORY ?? "";
  if (!/^[A-Za-z0-9_-]+\/[A-Za-z0-9._-]+$/.test(repository))
    throw outside("GITHUB_REPOSITORY", "OWNER/NAME");
  const job = {
    ...(jobId !== undefined && { id: jobId }),
    ...(env.RUNNER_NAME && { runner_name: env.RUNNER_NAME }),
    // The YAML key, not the display name that GitHub's API knows: no more than a hint.
    ...(env.GITHUB_JOB && { name: env.GITHUB_JOB }),
  };
  if (Object.keys(job).length === 0) {
    throw usageError(
      "RUNNER_NAME and GITHUB_JOB are not set: run this in a step of a job, or name it by --job-id",
    );
  }
  return {
    repository,
    runId: idFrom(env, "GITHUB_RUN_ID"),
    runAttempt: idFrom(env, "GITHUB_RUN_ATTEMPT"),
    job,
    ref: env.GITHUB_REF || undefined,
  };
}

/** A positive integer below 2^53 in its plain decimal form, else null. */
export function parseId(text: string): number | null {
  return /^[1-9][0-9]{0,15}$/.test(text) && Number.isSafeInteger(Number(text))
    ? Number(text)
    : null;
}

function idFrom(env: Environment, name: string): number {
  const id = parseId(env[name] ?? "");
  if (id === null) throw outside(name, "a number");
  return id;
}

function outside(name: string, form: string) {
  return usageError(`${name} is not set to ${form}: run this in a step of a GitHub Actions job`);
}
