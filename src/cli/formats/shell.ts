import type { Variables } from "../variables.ts";
import { plainName, plainValue } from "./plain-value.ts";

/**
 * For `eval`, quoted or not. Unquoted, the shell splits the text at blanks, expands `*` and `?`, and
 * joins the words again: each line is made of words that survive this, and ends in `;`.
 */
export function shell(variables: Variables): string {
  return variables
    .map(([name, value]) => `export ${plainName(name)}='${plainValue(value)}';\n`)
    .join("");
}

/** `eval $(…)` does not see our exit status; this makes it fail. */
export const shellFailure = "false\n";
