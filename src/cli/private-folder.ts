import { chmodSync, lstatSync, mkdirSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { Failure, exitCodes, systemCode } from "./failure.ts";
import type { IdentityPlace } from "./identity-path.ts";

/** The identity's folder, made 0700 whatever the umask if it is not there (C-07). */
export function makeFolderOf(place: IdentityPlace): void {
  const folder = dirname(place.path);
  if (!checkFolderOf(place)) {
    makeWithParents(folder);
  } else if (place.ownFolder) {
    chmodSync(folder, 0o700);
  }
}

/**
 * @returns false if there is no such folder
 * @throws {Failure} when others could put their own things into it
 */
export function checkFolderOf(place: IdentityPlace): boolean {
  const folder = dirname(place.path);
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (!stats) return false;
  const fault = faultOf(stats, place.ownFolder);
  if (fault === null) return true;
  throw new Failure(exitCodes.other, `the identity's folder ${folder} ${fault}`);
}

/**
 * A folder that is ours alone, made if it is not there.
 *
 * @param what as our lines name it
 */
export function makeOwnFolder(folder: string, what: string): void {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (!stats) return makeWithParents(folder);
  const fault = faultOf(stats, true);
  if (fault !== null) throw new Failure(exitCodes.other, `${what} ${folder} ${fault}`);
  chmodSync(folder, 0o700);
}

function faultOf(stats: Stats, own: boolean): string | null {
  if (stats.isSymbolicLink())
    return "is a symbolic link, which is not followed: give the real path, or remove it";
  if (!stats.isDirectory()) return "is not a folder: remove it, or choose another path";
  const me = process.getuid?.();
  if (me === undefined) return null;
  if (own && stats.uid !== me)
    return "belongs to another user: remove it, or choose another path with --identity";
  const othersMayReplace = (stats.mode & 0o002) !== 0 && (stats.mode & 0o1000) === 0;
  if (!own && othersMayReplace)
    return "can be written by everybody: chmod o-w it, or choose another path";
  return null;
}

/** Nothing happens if there is such a folder. */
export function makeFolderWithParents(folder: string): void {
  if (!lstatSync(folder, { throwIfNoEntry: false })) makeWithParents(folder);
}

function makeWithParents(folder: string): void {
  const parent = dirname(folder);
  if (parent !== folder && !lstatSync(parent, { throwIfNoEntry: false })) makeWithParents(parent);
  try {
    mkdirSync(folder, 0o700);
  } catch (error) {
    // Another process of the job was faster.
    if (systemCode(error) === "EEXIST" && lstatSync(folder).isDirectory()) return;
    throw error;
  }
  chmodSync(folder, 0o700);
}
