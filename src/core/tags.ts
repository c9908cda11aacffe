import { compile, TreeInterpreter, type JSONValue } from "@jmespath-community/jmespath";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/**
 * Session tags: what a grant says of them, and values that STS takes. Values come from GitHub's
 * answers, and some of them (author, job name, branch) from whoever wrote the commit; the keys come
 * from the grant alone. Limits: STS AssumeRole, API_Tag.
 */
export interface TagExpression {
  key: string;
  expression: ReturnType<typeof compile>;
  /** A tag of the grant's own must have a value; one of the default set may be missing. */
  required: boolean;
}

export interface SessionTag {
  key: string;
  value: string;
}

export const tagKeyShape = /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/iu;
const maxValueLength = 256;

/** The original's seven, so that trust policies written for it go on working. */
const defaults: Record<string, string> = {
  "github:jobId": "job.id",
  "github:runId": "run.id",
  "github:run": "run.run_number",
  "github:job": "job.name",
  "github:commit": "run.head_sha",
  "github:repo": "run.repository.full_name",
  "github:author": "run.head_commit.author.email",
};

/** @throws {Error} when it is not JMESPath; the message says where. */
export function compileTag(key: string, source: string, required = true): TagExpression {
  return { key, expression: compile(source), required };
}

export const defaultTags: readonly TagExpression[] = Object.entries(defaults).map(([key, source]) =>
  compileTag(key, source, false),
);

/** A tag of the grant has no usable value for this run. */
export class TagError extends Error {
  override name = "TagError";
}

/**
 * @param facts `{run, job}` as GitHub's REST API gives them
 * @throws {TagError} naming the key, never the value
 */
export function evaluateTags(
  tags: readonly TagExpression[],
  facts: { run: unknown; job: unknown },
): SessionTag[] {
  return tags.flatMap(({ key, expression, required }) => {
    const value = TreeInterpreter.search(expression, facts as JSONValue);
    if (value === null && !required) return [];
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
      throw new TagError(`the tag ${key} has no text, number or boolean as its value`);
    }
    return [{ key, value: legalValue(String(value)) }];
  });
}

/**
 * Makes any text a legal tag value without making two texts one: a character that STS refuses,
 * and `=` itself, becomes `=XX` for each of its UTF-8 bytes; what is longer than 256 characters is
 * cut and ends in `=:` (which no escape begins with) and a hash of the whole.
 */
export function legalValue(text: string): string {
  const escaped = text.replace(/[^\p{L}\p{Z}\p{N}_.:/+\-@]/gu, (character) =>
    Array.from(
      bytesOf(character),
      (byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    ).join(""),
  );
  if (escaped.length <= maxValueLength) return escaped;
  const ending = `=:${bytesToHex(sha256(utf8ToBytes(escaped))).slice(0, 32)}`;
  return cut(escaped, maxValueLength - ending.length) + ending;
}

/** Half a surrogate pair has no UTF-8: it gets the three bytes that its number would have. */
function bytesOf(character: string): Uint8Array {
  if (character.isWellFormed()) return utf8ToBytes(character);
  const half = character.charCodeAt(0);
  return Uint8Array.of(0xe0 | (half >> 12), 0x80 | ((half >> 6) & 0x3f), 0x80 | (half & 0x3f));
}

/** Never cuts through a surrogate pair. */
function cut(text: string, length: number): string {
  const kept = text.slice(0, length);
  return kept.isWellFormed() ? kept : kept.slice(0, -1);
}
