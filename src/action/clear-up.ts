import { rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { exitCodes, lineOf } from "../cli/failure.ts";
import { type Host, say } from "../cli/host.ts";
import { readIdentity } from "../cli/identity-file.ts";
import type { Made } from "../cli/made.ts";
import { readPrivateFile, removeIfThere } from "../cli/private-file.ts";
import { removeProfile } from "../cli/profile.ts";

/** Takes away what a step has made, the last first; what is another's by now stays. */
export async function clearUp(things: readonly Made[], host: Host): Promise<number> {
  const gone: string[] = [];
  for (const thing of things.toReversed()) {
    try {
      if (await remove(thing, host)) gone.push(nameOf(thing));
    } catch (error) {
      say(host, `${thing.path} is not cleared away: ${lineOf(error)}`);
    }
  }
  if (gone.length > 0) say(host, `cleared away: ${gone.join(", ")}`);
  return exitCodes.done;
}

function nameOf(thing: Made): string {
  if (thing.kind === "profile") return `the profile ${thing.name}`;
  return thing.kind === "kept" ? "the kept credentials" : "the identity";
}

/** @returns whether it was there, and ours */
async function remove(thing: Made, host: Host): Promise<boolean> {
  if (thing.kind === "profile") return removeProfile(thing, host);
  return thing.kind === "kept" ? removeKept(thing.path) : removeIdentity(thing);
}

function removeIdentity(made: Made & { kind: "identity" }): boolean {
  const key = readIdentity({ ...made, warning: null });
  if (key?.publicKey !== made.publicKey) return false;
  removeIfThere(made.path);
  if (made.ownFolder) removeIfEmpty(dirname(made.path));
  return true;
}

function removeKept(path: string): boolean {
  const isOurs = /\.cache[/\\][0-9a-f]{64}$/.test(path) && readPrivateFile(path).kind === "text";
  if (!isOurs) return false;
  removeIfThere(path);
  removeIfEmpty(dirname(path));
  return true;
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Something else is in it.
  }
}
