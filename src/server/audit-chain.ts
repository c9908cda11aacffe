import { createHash } from "node:crypto";
import { lineOf } from "../core/audit.ts";

/**
 * A record's line. It names the hash of the line before it, so that a record which is changed, taken
 * out or put in later does not fit what follows (F-18).
 */
export function linked(record: Record<string, unknown>, before: string | null): string {
  return lineOf({ ...record, previous: before === null ? null : hashOf(before) });
}

/** SHA-256 of a record's line, without its line end, in hex. */
function hashOf(line: string | Uint8Array): string {
  return createHash("sha256").update(line).digest("hex");
}

/** What a line is to the chain. */
export type Link = "follows" | "begins" | "broken" | "half";

/** Goes along the lines of one or more files, the oldest first. */
export class ChainCheck {
  #last: string | null = null;

  /** Hash of the last record that was seen. */
  get last(): string | null {
    return this.#last;
  }

  /** @param line without its line end */
  take(line: Uint8Array): Link {
    const record = recordIn(line);
    // What a crash or a full disk cut off; the chain goes on behind it.
    if (record === null) return "half";
    const before = this.#last;
    this.#last = hashOf(line);
    if (record.previous === null) return "begins";
    if (before === null) return typeof record.previous === "string" ? "begins" : "broken";
    return record.previous === before ? "follows" : "broken";
  }
}

/** null for a line that is not a whole record. */
export function recordIn(line: string | Uint8Array): Record<string, unknown> | null {
  const text = typeof line === "string" ? line : new TextDecoder().decode(line);
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
