import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type AgeKey, generateAgeKey, identityFileText, parseIdentityFile } from "./age-key.ts";
import { Failure, exitCodes, systemCode } from "./failure.ts";
import type { Host } from "./host.ts";
import type { IdentityPlace } from "./identity-path.ts";
import { checkFolderOf, makeFolderOf } from "./private-folder.ts";

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL } = constants;
/** Not on Windows. */
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0;
const O_NONBLOCK = constants.O_NONBLOCK ?? 0;

const longestFile = 64 * 1024;

/** Anything at the path, be it what it may. */
export function identityExists(place: IdentityPlace): boolean {
  return lstatSync(place.path, { throwIfNoEntry: false }) !== undefined;
}

/** The identity that is there already, else a new one. */
export function keepOrMakeIdentity(
  place: IdentityPlace,
  host: Pick<Host, "now" | "random">,
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
  host: Pick<Host, "now" | "random">,
  how: { replace: boolean },
): AgeKey | null {
  const key = generateAgeKey();
  const draft = join(dirname(place.path), `.identity-${host.random().toString(36).slice(2)}`);
  try {
    makeFolderOf(place);
    try {
      writePrivately(draft, identityFileText(key, host.now()));
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
  return key;
}

/** @returns null if there is no file. */
export function readIdentity(place: IdentityPlace): AgeKey | null {
  if (!checkFolderOf(place)) return null;
  const text = readPrivately(place.path);
  if (text === null) return null;
  const key = parseIdentityFile(text);
  if (key) return key;
  throw faulty(place.path, "does not hold exactly one AGE-SECRET-KEY-1… line");
}

/** Opened first and looked at through the descriptor, so that nothing can be swapped in between (C-07). */
function readPrivately(path: string): string | null {
  let file: number;
  try {
    // Without O_NONBLOCK, opening a planted FIFO would wait for ever.
    file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT") return null;
    throw code === "ELOOP"
      ? faulty(path, "is a symbolic link, which is not followed")
      : faulty(path, `cannot be opened (${code})`);
  }
  try {
    const fault = faultOf(statWhenSettled(file));
    if (fault !== null) throw faulty(path, fault);
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

/** A file that is just being made has two names for a moment (see putIfAbsent). */
function statWhenSettled(file: number): Stats {
  for (let tries = 0; ; tries++) {
    const stats = fstatSync(file);
    if (stats.nlink <= 1 || tries === 20) return stats;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }
}

function faultOf(stats: Stats): string | null {
  if (!stats.isFile()) return "is not a regular file";
  if (stats.size > longestFile) return "is too large for an identity";
  const me = process.getuid?.();
  if (me === undefined) return null;
  if (stats.uid !== me) return "belongs to another user";
  if ((stats.mode & 0o077) !== 0)
    return "can be used by other users (chmod 600 it if it was never exposed)";
  if (stats.nlink > 1) return "has another name (a hard link)";
  return null;
}

function faulty(path: string, fault: string): Failure {
  const cure =
    "make a new one with `actions2aws keygen --force`, or choose another path with --identity";
  return new Failure(exitCodes.other, `the identity ${path} ${fault}: ${cure}`);
}

function writePrivately(path: string, text: string): void {
  const file = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    fchmodSync(file, 0o600);
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
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

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}
