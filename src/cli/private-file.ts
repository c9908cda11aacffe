import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { systemCode } from "./failure.ts";

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL } = constants;
/** Not on Windows. */
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0;
const O_NONBLOCK = constants.O_NONBLOCK ?? 0;

const longestFile = 64 * 1024;

/** What lies at a path that only its owner should be able to use. */
export type PrivateFile =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "absent" }
  /** @property fault reads on after the path: `is a symbolic link …` */
  | { readonly kind: "faulty"; readonly fault: string };

/** Opened first and looked at through the descriptor, so that nothing can be swapped in between (C-07). */
export function readPrivateFile(path: string): PrivateFile {
  let file: number;
  try {
    // Without O_NONBLOCK, opening a planted FIFO would wait for ever.
    file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT") return { kind: "absent" };
    if (code === "ELOOP") return faulty("is a symbolic link, which is not followed");
    return faulty(`cannot be opened (${code})`);
  }
  try {
    const fault = faultOf(statWhenSettled(file));
    return fault === null ? { kind: "text", text: readFileSync(file, "utf8") } : faulty(fault);
  } finally {
    closeSync(file);
  }
}

/** Makes a file that was not there, 0600 whatever the umask, and on disk when it returns. */
export function writePrivateFile(path: string, text: string | Uint8Array): void {
  const file = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    fchmodSync(file, 0o600);
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Whole or not at all: what is at the path is never opened, only replaced. */
export function replacePrivateFile(
  path: string,
  text: string | Uint8Array,
  host: { random(): number },
): void {
  const draft = draftBeside(path, host);
  try {
    writePrivateFile(draft, text);
    renameSync(draft, path);
  } finally {
    removeIfThere(draft);
  }
}

/** A name for a file that is not whole yet; only chance keeps others from it, so make it with O_EXCL. */
export function draftBeside(path: string, host: { random(): number }): string {
  return join(dirname(path), `.draft-${host.random().toString(36).slice(2)}`);
}

export function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}

/** A file that is just being made can have two names for a moment (see identity-file). */
function statWhenSettled(file: number): Stats {
  for (let tries = 0; ; tries++) {
    const stats = fstatSync(file);
    if (stats.nlink <= 1 || tries === 20) return stats;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }
}

function faultOf(stats: Stats): string | null {
  if (!stats.isFile()) return "is not a regular file";
  if (stats.size > longestFile) return "is too large";
  const me = process.getuid?.();
  if (me === undefined) return null;
  if (stats.uid !== me) return "belongs to another user";
  if ((stats.mode & 0o077) !== 0)
    return "can be used by other users (chmod 600 it if it was never exposed)";
  if (stats.nlink > 1) return "has another name (a hard link)";
  return null;
}

function faulty(fault: string): PrivateFile {
  return { kind: "faulty", fault };
}
