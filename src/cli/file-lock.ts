import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, renameSync, statSync, utimesSync } from "node:fs";
import { systemCode } from "./failure.ts";
import type { Host } from "./host.ts";
import { draftBeside, removeIfThere, writePrivateFile } from "./private-file.ts";

const beatMs = 1_000;
const deadAfterMs = 5_000;

/** A lock that processes of one machine, or of one shared disk, hold by a file; it beats while it is held. */
export class FileLock {
  readonly #path: string;
  readonly #name: string;
  readonly #beat: NodeJS.Timeout;

  private constructor(path: string, name: string) {
    this.#path = path;
    this.#name = name;
    this.#beat = setInterval(() => beat(path), beatMs).unref();
  }

  /** @returns null while somebody else holds it */
  static take(path: string): FileLock | null {
    const name = randomUUID();
    try {
      writePrivateFile(path, name);
      return new FileLock(path, name);
    } catch (error) {
      if (systemCode(error) === "EEXIST") return null;
      throw error;
    }
  }

  release(): void {
    clearInterval(this.#beat);
    if (holderOf(this.#path) === this.#name) removeIfThere(this.#path);
  }
}

/** Waits beside a lock for its holder to let go of it, or to die. */
export class LockWatch {
  readonly #path: string;
  readonly #host: Pick<Host, "elapsed" | "random">;
  #seen = "";
  #since: number;

  constructor(path: string, host: Pick<Host, "elapsed" | "random">) {
    this.#path = path;
    this.#host = host;
    this.#since = host.elapsed();
  }

  /**
   * Clears away a lock that has not beaten for a while. The watcher's own clock counts: that of a
   * shared disk may be another.
   */
  look(): void {
    const holder = holderOf(this.#path);
    const seen = `${holder} ${changedAt(this.#path)}`;
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#since = this.#host.elapsed();
    } else if (holder !== null && this.#host.elapsed() - this.#since > deadAfterMs) {
      clearAway(this.#path, holder, this.#host);
    }
  }
}

/** Another watcher may have been faster, and the file be a new holder's by now: then it is put back. */
function clearAway(path: string, holder: string, host: Pick<Host, "random">): void {
  const aside = draftBeside(path, host);
  try {
    renameSync(path, aside);
    if (holderOf(aside) !== holder) linkSync(aside, path);
  } catch (error) {
    if (!["ENOENT", "EEXIST"].includes(systemCode(error))) throw error;
  } finally {
    removeIfThere(aside);
  }
}

function beat(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // Taken from us, or the folder is gone: who holds it now beats.
  }
}

function holderOf(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
