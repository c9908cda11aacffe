import type { Variables } from "../variables.ts";
import { plainName, plainValue } from "./plain-value.ts";

/** Without quotes, which Docker's --env-file would take for part of the value. */
export function dotenv(variables: Variables): string {
  return variables.map(([name, value]) => `${plainName(name)}=${plainValue(value)}\n`).join("");
}
