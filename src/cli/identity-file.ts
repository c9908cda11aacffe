import { linkSync, lstatSync, renameSync } from "node:fs";
import { type AgeKey, generateAgeKey, identityFileText, parseIdentityFile } from "./age-key.ts";
import { Failure, exitCodes, systemCode } from "./failure.ts";
import type { Host } from "./host.ts";
import type { IdentityPlace } from "./identity-path.ts";
import { draftBeside, readPrivateFile, removeIfThere, writePrivateFile } from "./private-file.ts";
import { checkFolderOf, makeFolderOf } from "./private-folder.ts";

/** Anything at the path, be it what it may. */
export function identityExists(place: IdentityPlace): boolean {
  return lstatSync(place.path, { throwIfNoEntry: false }) !== undefined;
}

/** The identity that is there already, else a new one. */
export function keepOrMakeIdentity(
  place: IdentityPlace,
  host: Pick<Host, "now" | "random" | "made">,
): { key: AgeKey; made: boolean } {
  const kept = readIdentity(place);
  if (kept) return { key: kept, made: false };
  const key = makeIdentity(place, host, { replace: false });
  if (key) return { key, made: true };
  // Another process of this job was faster (C-16): its identity is the job's.
  const theirs = readIdentity(place);
  if (theirs) return { key: theirs, made: false };
  throw new Failure(
    exitCodes.other,
    `the identity ${place.path} comes and goes: is something else using this path?`,
  );
}

/**
 * Makes a new identity, whole or not at all: what is at the path is never opened, only replaced.
 *
 * @returns null if something is there already and is not to be replaced.
 */
export function makeIdentity(
  place: IdentityPlace,
  host: Pick<Host, "now" | "random" | "made">,
  how: { replace: boolean },
): AgeKey | null {
  const key = generateAgeKey();
  const draft = draftBeside(place.path, host);
  try {
    makeFolderOf(place);
    try {
      writePrivateFile(draft, identityFileText(key, host.now()));
      if (how.replace) renameSync(draft, place.path);
      else if (!putIfAbsent(draft, place.path)) return null;
    } finally {
      removeIfThere(draft);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(
      exitCodes.other,
      `the identity ${place.path} cannot be written (${systemCode(error)})`,
    );
  }
  const { path, ownFolder } = place;
  host.made?.({ kind: "identity", path, ownFolder, publicKey: key.publicKey });
  return key;
}

/** @returns null if there is no file. */
export function readIdentity(place: IdentityPlace): AgeKey | null {
  if (!checkFolderOf(place)) return null;
  const file = readPrivateFile(place.path);
  if (file.kind === "absent") return null;
  if (file.kind === "faulty") throw faulty(place.path, file.fault);
  const key = parseIdentityFile(file.text);
  if (key) return key;
  throw faulty(place.path, "does not hold exactly one AGE-SECRET-KEY-1… line");
}

function faulty(path: string, fault: string): Failure {
  const cure =
    "make a new one with `actions2aws keygen --force`, or choose another path with --identity";
  return new Failure(exitCodes.other, `the identity ${path} ${fault}: ${cure}`);
}

/** A rename would replace what is there; a link does not. */
function putIfAbsent(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(systemCode(error))) throw error;
    // A file system without hard links: as near as it gets.
    if (lstatSync(path, { throwIfNoEntry: false })) return false;
    renameSync(draft, path);
    return true;
  }
}
