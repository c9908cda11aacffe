import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "./program.ts";
import type { Job, RecordedRun } from "./recorded-run.ts";

/**
 * What a runner sets for a step of this job, as far as the program looks at it.
 *
 * @param key the job's key in the workflow file, which GitHub's API does not know
 */
export function environmentOf(
  recorded: RecordedRun,
  job: Job,
  key: string,
  runners: string,
): Environment {
  const { run } = recorded;
  const machine = mkdtempSync(join(runners, "runner-"));
  const folders = { RUNNER_TEMP: join(machine, "_temp"), GITHUB_WORKSPACE: join(machine, "work") };
  for (const folder of Object.values(folders)) mkdirSync(folder);
  return {
    ...folders,
    GITHUB_ACTIONS: "true",
    GITHUB_SERVER_URL: "https://github.com",
    GITHUB_REPOSITORY: run.repository.full_name,
    GITHUB_RUN_ID: String(run.id),
    GITHUB_RUN_ATTEMPT: String(run.run_attempt),
    GITHUB_REF: `refs/heads/${run.head_branch}`,
    GITHUB_JOB: key,
    RUNNER_NAME: job.runner_name,
    // The runner would do this: whatever the step prints goes into its log.
    ACTIONS2AWS_ANNOUNCE_TO: recorded.liveLog(job),
    ACTIONS2AWS_TIMEOUT: "15s",
  };
}

/** The variables that `eval` of this text sets; null when it is not of the form that is promised. */
export function variablesIn(shell: string): ReadonlyMap<string, string> | null {
  const lines = shell.trimEnd().split("\n");
  const pairs = lines.map((line) => /^export ([A-Z_]+)='([^'\\]*)';$/.exec(line));
  if (pairs.some((pair) => pair === null)) return null;
  return new Map(pairs.map((pair) => [pair?.[1] ?? "", pair?.[2] ?? ""]));
}

export function secretsIn(variables: ReadonlyMap<string, string> | null): string[] {
  const names = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
  return names.flatMap((name) => variables?.get(name) ?? []);
}
