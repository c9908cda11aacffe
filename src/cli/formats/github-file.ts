import { randomUUID } from "node:crypto";
import { fileCommand } from "../runner.ts";
import type { Variables } from "../variables.ts";
import { plainName, plainValue } from "./plain-value.ts";

/** For GITHUB_ENV and GITHUB_OUTPUT, with a delimiter that no value can have guessed (C-01). */
export function githubFile(variables: Variables): string {
  const delimiter = `ghadelimiter_${randomUUID()}`;
  return variables
    .map(([name, value]) => fileCommand(plainName(name), plainValue(value), delimiter))
    .join("");
}
