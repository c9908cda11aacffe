import { appendFileSync, readFileSync } from "node:fs";
import { Failure, exitCodes, systemCode } from "./failure.ts";

/** A step's live log in a recording: a `.live` file, one JSON line for each item. */
export interface LiveFeed {
  append(line: string): void;
}

/** Goes on with the ids that are in the file already. */
export function liveFeed(path: string): LiveFeed {
  const before = contents(path);
  let id = lastId(before);
  let start = before === "" || before.endsWith("\n") ? "" : "\n";
  return {
    append(line) {
      id++;
      try {
        appendFileSync(path, `${start}${JSON.stringify({ id, line })}\n`);
        start = "";
      } catch (error) {
        throw new Failure(
          exitCodes.other,
          `--announce-to: ${path} cannot be written (${systemCode(error)})`,
        );
      }
    },
  };
}

function contents(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function lastId(feed: string): number {
  try {
    const last: unknown = JSON.parse(feed.trimEnd().split("\n").at(-1) ?? "");
    const id = typeof last === "object" && last !== null && "id" in last ? last.id : 0;
    return Number.isSafeInteger(id) ? Number(id) : 0;
  } catch {
    return 0;
  }
}
