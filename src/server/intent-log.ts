import { open, readFile, stat } from "node:fs/promises";
import { SyncedFile } from "./synced-file.ts";

type Intent = Record<string, unknown> & { request_id: string };

/** Emptied when it has grown to this and nothing in it is open. */
const clearAtBytes = 256 * 1024;
/** How much of the records' end is searched for an intent's outcome after a crash. */
const searchedBytes = 16 * 2 ** 20;

/**
 * What is about to be asked of AWS, written ahead in a file of its own beside the records
 * (`<records>.intents`): after a crash between AWS's answer and the record, it tells which session may
 * exist that nobody was given (F-06, F-08). It also finds a full disk before AWS is asked (F-07).
 */
export class IntentLog {
  readonly #recordsPath: string;
  readonly #records: SyncedFile;
  readonly #path: string;
  readonly #file: SyncedFile;
  readonly #ownFile: boolean;
  readonly #open = new Set<string>();
  #bytes = 0;

  private constructor(
    recordsPath: string,
    records: SyncedFile,
    file: SyncedFile,
    ownFile: boolean,
  ) {
    this.#recordsPath = recordsPath;
    this.#records = records;
    this.#path = intentsPath(recordsPath);
    this.#file = file;
    this.#ownFile = ownFile;
  }

  /** A pipe or device has no file beside it: there the intents go the way of the records. */
  static async open(recordsPath: string, records: SyncedFile): Promise<IntentLog> {
    const present = await stat(recordsPath).catch(() => null);
    const ownFile = present === null || present.isFile();
    return new IntentLog(
      recordsPath,
      records,
      ownFile ? new SyncedFile(intentsPath(recordsPath)) : records,
      ownFile,
    );
  }

  /** @throws {Refusal} audit_unavailable */
  async add(requestId: string, intent: Record<string, unknown>): Promise<void> {
    const line = JSON.stringify({ intent: true, request_id: requestId, ...intent });
    this.#open.add(requestId);
    this.#bytes += line.length;
    try {
      // A session whose record could not be written would be one that nobody has.
      await this.#records.ready();
      await this.#file.append(line);
    } catch (error) {
      this.#open.delete(requestId);
      throw error;
    }
  }

  settle(requestId: string): void {
    this.#open.delete(requestId);
    if (this.#open.size === 0 && this.#bytes > clearAtBytes) this.clear().catch(() => undefined);
  }

  /** Intents of an earlier life that no record answers. */
  async unsettled(): Promise<Intent[]> {
    if (!this.#ownFile) return [];
    const lines = (await readFile(this.#path, "utf8").catch(() => ""))
      .split("\n")
      .filter((line) => line !== "");
    if (lines.length === 0) return [];
    const records = await tailOf(this.#recordsPath, searchedBytes);
    return lines
      .flatMap((line) => parseIntent(line))
      .filter(({ request_id }) => !records.includes(`"${request_id}"`));
  }

  async clear(): Promise<void> {
    this.#bytes = 0;
    if (this.#ownFile) await this.#file.clear();
  }

  async close(): Promise<void> {
    if (this.#open.size === 0) await this.clear();
    await this.#file.close();
  }
}

function intentsPath(recordsPath: string): string {
  return `${recordsPath}.intents`;
}

/** A line that a crash cut off was never synced, so AWS was not asked for it. */
function parseIntent(line: string): Intent[] {
  try {
    const intent = JSON.parse(line) as Record<string, unknown>;
    return typeof intent.request_id === "string" ? [intent as Intent] : [];
  } catch {
    return [];
  }
}

async function tailOf(path: string, bytes: number): Promise<string> {
  const file = await open(path, "r").catch(() => null);
  if (!file) return "";
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - bytes);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(size - start),
      0,
      size - start,
      start,
    );
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
