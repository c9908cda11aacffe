import { fileCommand, freshDelimiter } from "../runner.ts";
import type { Variables } from "../variables.ts";
import { plainName, plainValue } from "./plain-value.ts";

/** For GITHUB_ENV and GITHUB_OUTPUT. */
export function githubFile(variables: Variables): string {
  const delimiter = freshDelimiter();
  return variables
    .map(([name, value]) => fileCommand(plainName(name), plainValue(value), delimiter))
    .join("");
}
