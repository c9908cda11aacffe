import type { Environment } from "../cli/host.ts";
import type { Made } from "../cli/made.ts";
import { appendToCommandFile, fileCommands } from "../cli/runner.ts";
import { commandFile } from "./command-file.ts";

/** Tells the action's own post step what this step has made; the last word counts. */
export function saveMade(things: readonly Made[], env: Environment): void {
  const text = fileCommands([["made", JSON.stringify(things)]]);
  appendToCommandFile("GITHUB_STATE", commandFile("GITHUB_STATE", env), text);
}

/** Any step of the job can have written this: each thing is looked at again before it goes. */
export function readMade(env: Environment): readonly Made[] {
  return env.STATE_made ? (JSON.parse(env.STATE_made) as readonly Made[]) : [];
}
