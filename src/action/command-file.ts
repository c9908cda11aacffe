import { usageError } from "../cli/failure.ts";
import type { Environment } from "../cli/host.ts";
import { fileCommand, freshDelimiter } from "../cli/runner.ts";

/** The file by which a step gives the runner something. */
export function commandFile(
  name: "GITHUB_ENV" | "GITHUB_OUTPUT" | "GITHUB_STATE",
  env: Environment,
): string {
  const path = env[name];
  if (path) return path;
  throw usageError(`this is an action, for steps of a job: ${name} is not set`);
}

export function fileCommands(pairs: readonly (readonly [name: string, value: string])[]): string {
  const delimiter = freshDelimiter();
  return pairs.map(([name, value]) => fileCommand(name, value, delimiter)).join("");
}
