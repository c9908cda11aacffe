import { usageError } from "../cli/failure.ts";
import type { Environment } from "../cli/host.ts";

/** The file by which a step gives the runner something. */
export function commandFile(
  name: "GITHUB_ENV" | "GITHUB_OUTPUT" | "GITHUB_STATE",
  env: Environment,
): string {
  const path = env[name];
  if (path) return path;
  throw usageError(`this is an action, for steps of a job: ${name} is not set`);
}
