import { Refusal } from "./errors.ts";

/**
 * Parses a JSON object as one would want every parser to: a key given twice is refused, since
 * whoever reads the first and whoever reads the last would see two requests (H-05), and numbers
 * must be plain decimal integers, since `1e3` and `1.0` are not ids (H-03).
 *
 * @throws {Refusal} invalid_request
 */
export function parseJsonObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text, (_key, entry: unknown, context?: { source?: string }) => {
      if (typeof entry === "number" && !/^-?(?:0|[1-9]\d*)$/.test(context?.source ?? "")) {
        throw new Refusal("invalid_request", { detail: "Numbers must be plain integers." });
      }
      return entry;
    });
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal("invalid_request", { detail: "The body is not JSON." });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Refusal("invalid_request", { detail: "The body must be a JSON object." });
  }
  if (givesKeyTwice(text)) {
    throw new Refusal("invalid_request", { detail: "A key is given twice." });
  }
  return value as Record<string, unknown>;
}

/** @param text is JSON */
export function givesKeyTwice(text: string): boolean {
  let members = 0;
  JSON.parse(text, (_key, entry: unknown) => {
    if (typeof entry === "object" && entry !== null && !Array.isArray(entry)) {
      members += Object.keys(entry).length;
    }
    return entry;
  });
  return members !== countMembers(text);
}

/** Members as written: strings followed by a colon. Strings are taken whole, so none hides in another. */
function countMembers(text: string): number {
  let count = 0;
  for (const [, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/gs)) {
    if (colon !== undefined) count++;
  }
  return count;
}
