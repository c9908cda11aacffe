import type { Grant } from "../core/grant.ts";
import type { Config } from "./config.ts";
import { configFaults, readConfig } from "./config-file.ts";
import { EnvironmentError } from "./environment-error.ts";
import type { Secrets, SecretSources } from "./secrets.ts";

/** Configuration and secrets as they were at one moment, found to fit each other. */
export interface Settings {
  readonly config: Config;
  readonly secrets: Secrets;
}

/**
 * Reads both anew; all of it, or nothing.
 *
 * @throws {ConfigError | EnvironmentError} and what reading the file throws; AggregateError when both
 * are at fault
 */
export async function readSettings(
  path: string,
  sources: SecretSources,
  { recorded }: { recorded: boolean },
): Promise<Settings> {
  const [config, secrets] = await Promise.allSettled([
    new Promise<Config>((resolve) => resolve(readConfig(path))),
    // A recording stands in place of GitHub.
    sources.read({ stored: !recorded }),
  ]);
  if (config.status === "rejected" || secrets.status === "rejected")
    throw allOf([config, secrets].flatMap((part) => (part.status === "rejected" ? [part] : [])));
  if (!recorded) assertEnough(config.value.policy.grants, secrets.value);
  return { config: config.value, secrets: secrets.value };
}

/** Every fault on a line of its own, for a log or a terminal. */
export function faultsOf(error: unknown, path: string): string[] {
  if (error instanceof AggregateError) return error.errors.flatMap((each) => faultsOf(each, path));
  const faults = configFaults(error, path);
  if (faults) return faults;
  const { code, message } = error as NodeJS.ErrnoException;
  const what = error instanceof EnvironmentError ? message : `${code ?? "failed"}: ${message}`;
  return [`actions2aws: ${what}`];
}

/** Whether it is for the operator to mend, in what they gave. */
export function isUsage(error: unknown, path: string): boolean {
  if (error instanceof AggregateError) return error.errors.every((each) => isUsage(each, path));
  return error instanceof EnvironmentError || configFaults(error, path) !== null;
}

function allOf(rejected: readonly PromiseRejectedResult[]): Error {
  const errors = rejected.map(({ reason }) => reason as Error);
  const [first, ...others] = errors;
  return first !== undefined && others.length === 0
    ? first
    : new AggregateError(errors, "configuration and environment have faults");
}

/** The log proof needs the API and the session; the OIDC proof neither. */
function assertEnough(grants: readonly Grant[], { api, session }: Secrets): void {
  const byLog = grants.find(({ proof, legacy }) => proof !== "oidc" || legacy);
  const byApi = byLog ?? grants.find(({ job }) => job !== undefined);
  if (!api && byApi) {
    throw new EnvironmentError(
      "GITHUB_TOKEN (or GITHUB_TOKEN_FILE) is not set, nor GITHUB_APP_ID with " +
        `GITHUB_APP_PRIVATE_KEY, nor GITHUB_SECRET_ID: the broker reads runs with one of them (grant ${byApi.name})`,
    );
  }
  if (!session && byLog) {
    throw new EnvironmentError(
      "GITHUB_USER_SESSION (or GITHUB_USER_SESSION_FILE) is not set, nor GITHUB_SECRET_ID: " +
        `the broker reads logs with it (grant ${byLog.name})`,
    );
  }
}
