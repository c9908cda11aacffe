import type { Variables } from "../variables.ts";
import { plainName, plainValue } from "./plain-value.ts";

/** For `Invoke-Expression`, line by line or as a whole. */
export function powershell(variables: Variables): string {
  return variables
    .map(([name, value]) => `$env:${plainName(name)} = '${plainValue(value)}'\n`)
    .join("");
}

/** `Invoke-Expression` does not see our exit status; this makes it fail. */
export const powershellFailure = "throw 'actions2aws request failed'\n";
