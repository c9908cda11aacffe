import { constants } from "node:fs";
import { type FileHandle, open, stat, truncate } from "node:fs/promises";
import { Refusal } from "../core/errors.ts";
import { recordIn } from "./audit-chain.ts";

/** A line, or what makes it out of the last whole one in the file; null when there is none. */
type Line = string | ((last: string | null) => string);

interface Waiting {
  /** Null for who only wants to know that the file can be opened. */
  line: Line | null;
  resolve: () => void;
  reject: (reason: Refusal) => void;
}

/**
 * Appends lines to a file and syncs it. Lines that come while a sync is under way share the next one,
 * so that a matrix of jobs costs a few syncs, not hundreds. A file that was rotated or deleted is
 * opened anew under its name; what can't be written is refused, never dropped (F-07).
 */
export class SyncedFile {
  readonly #path: string;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | null = null;
  #file: FileHandle | null = null;
  #inode = 0;
  /** The file may end in half a line, after a write that failed or a crash. */
  #torn = false;
  /** The last line that was written; undefined when only the file can tell. */
  #last: string | null | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  append(line: Line): Promise<void> {
    return this.#enqueue(line);
  }

  /** Opens the file if it is not: what could not be written is found out before it is wanted. */
  ready(): Promise<void> {
    return this.#enqueue(null);
  }

  #enqueue(line: Line | null): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line, resolve, reject });
      this.#writing ??= this.#drain();
    });
  }

  /** Empties the file, unless a line is on its way into it. */
  async clear(): Promise<void> {
    if (this.#writing !== null) return;
    await truncate(this.#path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file?.close();
    this.#file = null;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(batch.flatMap(({ line }) => line ?? []));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        const refusal = auditUnavailable(error);
        for (const { reject } of batch) reject(refusal);
      }
    }
    this.#writing = null;
  }

  async #write(lines: readonly Line[]): Promise<void> {
    const file = await this.#current();
    if (lines.length === 0) return;
    let last = this.#last === undefined ? await lastRecordOf(file) : this.#last;
    // Part of what fails may be in the file all the same.
    this.#last = undefined;
    const made = lines.map((line) => (last = typeof line === "string" ? line : line(last)));
    const text = made.map((line) => `${line}\n`).join("");
    const bytes = Buffer.from(this.#torn ? `\n${text}` : text);
    this.#torn = true;
    const { bytesWritten } = await file.write(bytes);
    if (bytesWritten !== bytes.length) throw new Error("the disk is full");
    await syncIfFile(file);
    this.#torn = false;
    this.#last = last;
  }

  /** The open file if it still is what its path names, else the path opened anew. */
  async #current(): Promise<FileHandle> {
    if (this.#file) {
      const named = await stat(this.#path).catch(() => null);
      if (named !== null && named.ino === this.#inode) return this.#file;
      await this.#file.close();
      this.#file = null;
    }
    const { O_APPEND, O_CREAT, O_RDWR } = constants;
    this.#file = await open(this.#path, O_APPEND | O_CREAT | O_RDWR, 0o600);
    this.#inode = (await this.#file.stat()).ino;
    this.#torn = await endsInHalfALine(this.#file);
    return this.#file;
  }
}

/** How much of a file's end is searched for its last record. */
const searchedBytes = 256 * 1024;

async function lastRecordOf(file: FileHandle): Promise<string | null> {
  const status = await file.stat();
  if (!status.isFile()) return null;
  const start = Math.max(0, status.size - searchedBytes);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(status.size - start), {
    position: start,
  });
  const lines = buffer.toString("utf8", 0, bytesRead).split("\n");
  return lines.findLast((line) => recordIn(line) !== null) ?? null;
}

async function endsInHalfALine(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== 0x0a;
}

async function syncIfFile(file: FileHandle): Promise<void> {
  try {
    await file.datasync();
  } catch (error) {
    // A pipe or device can't be synced; what was written to it has left us.
    if ((error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
  }
}

export function auditUnavailable(cause: unknown): Refusal {
  const code = (cause as NodeJS.ErrnoException).code ?? "error";
  return new Refusal("audit_unavailable", {
    detail: "The broker can't write its audit record, so nothing is issued.",
    retryAfter: 10,
    note: `audit: ${code}`,
  });
}
