import { fileCommands } from "../runner.ts";
import type { Variables } from "../variables.ts";
import { plainName, plainValue } from "./plain-value.ts";

/** For GITHUB_ENV and GITHUB_OUTPUT. */
export function githubFile(variables: Variables): string {
  return fileCommands(
    variables.map(([name, value]) => [plainName(name), plainValue(value)] as const),
  );
}
