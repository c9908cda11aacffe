import { lineOf } from "../core/audit.ts";
import { linked } from "./audit-chain.ts";
import { IntentLog } from "./intent-log.ts";
import { auditUnavailable, SyncedFile } from "./synced-file.ts";

export interface AuditLog {
  /**
   * Says what is about to be asked of AWS, on disk before it is asked (design rule 8).
   *
   * @throws {Refusal} audit_unavailable
   */
  intend(requestId: string, intent: Record<string, unknown>): Promise<void>;
  /**
   * Writes one decision's record; returns when it is on disk.
   *
   * @throws {Refusal} audit_unavailable
   */
  record(requestId: string, record: Record<string, unknown>): Promise<void>;
  close(): Promise<void>;
}

/** Records in a file, each linked to the one before, with the intents beside it. */
export class FileAuditLog implements AuditLog {
  readonly #records: SyncedFile;
  readonly #intents: IntentLog;

  private constructor(records: SyncedFile, intents: IntentLog) {
    this.#records = records;
    this.#intents = intents;
  }

  /**
   * Opens the log and settles what a crash left open: sessions that were asked for, and whose answer
   * no record tells, get a record of their own (F-08).
   *
   * @throws {Refusal} audit_unavailable, when that can't be written
   */
  static async open(path: string): Promise<FileAuditLog> {
    const records = new SyncedFile(path);
    const intents = await IntentLog.open(path, records);
    for (const intent of await intents.unsettled()) {
      const record = { ...intent, decision: "interrupted", code: "unknown" };
      await records.append((last) => linked(record, last));
    }
    await intents.clear();
    return new FileAuditLog(records, intents);
  }

  intend(requestId: string, intent: Record<string, unknown>): Promise<void> {
    return this.#intents.add(requestId, intent);
  }

  async record(requestId: string, record: Record<string, unknown>): Promise<void> {
    await this.#records.append((last) => linked(record, last));
    this.#intents.settle(requestId);
  }

  async close(): Promise<void> {
    await this.#records.close();
    await this.#intents.close();
  }
}

/** Records on standard output, for whoever collects a container's logs. */
export class StreamAuditLog implements AuditLog {
  readonly #stream: NodeJS.WritableStream;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
  }

  intend(): Promise<void> {
    return Promise.resolve();
  }

  record(_requestId: string, record: Record<string, unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(`${lineOf({ msg: "audit", ...record })}\n`, (error) => {
        if (error) reject(auditUnavailable(error));
        else resolve();
      });
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
