import { type Announcement, isMaskedProofLine, parseProofLine } from "./announcement.ts";
import { Refusal } from "./errors.ts";

/**
 * Whether a step's log proves that the job holds a key. Everything in a log is attacker-controlled
 * but the fact that a line stands there: titles, branch names, inputs and echoed files all end up in
 * it. What makes an announcement count is that it is a whole item, that it names one key only, and
 * that its challenge was made for this run and key and handed out minutes ago (L-01 … L-17).
 */
export type Reading =
  | { kind: "proved" }
  | { kind: "absent" }
  /** Somebody else's key is announced beside it (L-07, L-16). */
  | { kind: "ambiguous" }
  /** A mask has cut into the announcement (L-09). */
  | { kind: "masked" }
  /** An announcement whose time is not of this step: forged (L-04, L-10). */
  | { kind: "suspicious" };

/** One message of a log: a live feed's item, or a stored message with the time the runner gave it. */
export interface LogItem {
  text: string;
  /** Milliseconds since 1970; the live feed has none. */
  time?: number;
}

/** When the step ran, milliseconds since 1970; what is not known is not checked. */
export interface StepWindow {
  from?: number | undefined;
  to?: number | undefined;
}

export function readProof(
  items: Iterable<LogItem>,
  expected: Announcement,
  window: StepWindow = {},
): Reading {
  let proved = false;
  let masked = false;
  let othersMasked = false;
  let latest = Number.NEGATIVE_INFINITY;
  for (const { text, time } of items) {
    const announcement = parseProofLine(text);
    if (announcement === null) {
      masked ||= isMasked(text, expected);
      othersMasked ||= isMaskedProofLine(text) && !isMaskOf(text, expected);
    } else {
      if (time !== undefined && !isWithin(time, latest, window)) return { kind: "suspicious" };
      if (announcement.publicKey !== expected.publicKey) return { kind: "ambiguous" };
      proved ||= announcement.challenge === expected.challenge;
      // Only announcements count: any other line may carry a forged time, and must block nobody.
      latest = time ?? latest;
    }
  }
  // The job's own announcement may be what was masked, so that this one stands alone (L-07).
  if (proved) return { kind: othersMasked ? "ambiguous" : "proved" };
  return { kind: masked ? "masked" : "absent" };
}

/** GitHub tells a step's start and end in whole seconds, and clocks differ a little. */
const slackMs = 2_000;

/** Whether a message's time is one of this step, and not before that of a message above it. */
export function isWithin(time: number, latest: number, { from, to }: StepWindow): boolean {
  return time >= latest && time >= (from ?? time) - slackMs && time <= (to ?? time) + slackMs;
}

function isMasked(text: string, expected: Announcement): boolean {
  if (!text.includes("***") || text.length > 1024) return false;
  return isMaskedProofLine(text) || isMaskOf(text, expected);
}

function isMaskOf(text: string, { publicKey, challenge }: Announcement): boolean {
  return text.includes(publicKey) || text.endsWith(` ${challenge}`);
}

/** The log of one pinned step, as far as it can be read now. */
export interface StepLog {
  name: string;
  state: "waiting" | "in_progress" | "succeeded" | "failed";
  window: StepWindow;
  /** Null when GitHub does not have the log yet. */
  items: readonly LogItem[] | null;
}

/**
 * Judges the logs of all pinned steps of a job together.
 *
 * @returns the name of the step that proves the key; null when a later look may prove it
 * @throws {Refusal} proof_ambiguous, proof_invalid
 */
export function judgeSteps(steps: readonly StepLog[], expected: Announcement): string | null {
  if (new Set(steps.map(({ name }) => name)).size < steps.length) {
    // Which of the two is meant can't be known; the second may be anybody's (L-14).
    throw new Refusal("proof_ambiguous", { detail: "The job has two steps of the pinned name." });
  }
  const readings = steps.map(({ items, window }) => readProof(items ?? [], expected, window).kind);
  if (readings.includes("ambiguous")) {
    throw new Refusal("proof_ambiguous", {
      detail: "The pinned step announces another key as well.",
    });
  }
  if (readings.includes("suspicious")) {
    throw new Refusal("proof_invalid", { detail: "The announcement's time is not of this step." });
  }
  const proving = steps[readings.indexOf("proved")];
  if (proving) return proving.name;
  if (readings.includes("masked")) {
    throw new Refusal("proof_invalid", {
      detail:
        "A mask hides part of the announcement: no secret of the job may be a part of that line.",
    });
  }
  const mayCome = ({ state, items }: StepLog): boolean =>
    state === "waiting" || state === "in_progress" || (state === "succeeded" && items === null);
  if (steps.length > 0 && !steps.some(mayCome)) {
    throw new Refusal("proof_invalid", {
      detail: "The pinned step has ended without announcing this key.",
    });
  }
  return null;
}

const timestamped = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3})\d{4}Z (.*)$/s;

/** No announcement is as long; what a message holds beyond that is left out. */
const longestMessage = 4_096;

/**
 * A stored step log → its messages. The runner gives a message one timestamp, even if it holds
 * newlines; a line without a timestamp is therefore part of the message above it, and cannot be an
 * announcement (L-02, L-04). Exactly one timestamp is taken off (L-10). Lines end at LF, with one
 * optional CR before it, and nowhere else (L-05). Text of an attacker's may be millions of lines, so
 * that most are passed over at their first character (L-13).
 */
export function* logItems(text: string): Generator<LogItem> {
  let item: { text: string; time: number } | null = null;
  let start = text.startsWith("\uFEFF") ? 1 : 0;
  while (start < text.length) {
    const found = text.indexOf("\n", start);
    const end = found < 0 ? text.length : found;
    const line = isDigit(text.charCodeAt(start)) ? readLine(text.slice(start, end)) : null;
    if (line !== null) {
      if (item) yield item;
      item = line;
    } else if (item && end > start && item.text.length < longestMessage) {
      item.text += `\n${text.slice(start, end)}`;
    }
    start = end + 1;
  }
  if (item) yield item;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** A line that begins with a timestamp; null for any other. */
function readLine(line: string): { text: string; time: number } | null {
  const [, time, text] = timestamped.exec(line.endsWith("\r") ? line.slice(0, -1) : line) ?? [];
  if (time === undefined || text === undefined) return null;
  return { text, time: Date.parse(`${time}Z`) };
}
