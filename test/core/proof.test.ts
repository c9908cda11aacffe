import { generateX25519Identity, identityToRecipient } from "age-encryption";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { proofLine } from "../../src/core/announcement.ts";
import { judgeSteps, logItems, readProof, type StepLog } from "../../src/core/proof.ts";
import { parsePublicKey, type PublicKey } from "../../src/core/recipient.ts";
import { character } from "./character.ts";
import { code, told } from "./golden.ts";

async function makeKey(): Promise<PublicKey> {
  const key = parsePublicKey(await identityToRecipient(await generateX25519Identity()));
  if (key === null) throw new Error("age-encryption made a key that we do not take");
  return key;
}

const [publicKey, evilKey] = [await makeKey(), await makeKey()];
const challenge = "c1.t5k2x9.AbCdEfGhIjKlMnOp.0123456789abcdef";
const mine = { publicKey, challenge };
const line = proofLine(publicKey, challenge);
const evil = proofLine(evilKey, "c1.t5k2x9.EvilEvilEvilEvil.0123456789abcdef");
const oldLine = proofLine(publicKey, "c1.t5k2x8.OldOldOldOldOldOld.0123456789abcdef");

const at = (second: number): string =>
  `2026-01-01T00:00:${String(second).padStart(2, "0")}.1234567Z`;
const log = (...lines: string[]): string => `\uFEFF${lines.map((text) => `${text}\n`).join("")}`;
const window = { from: Date.parse("2026-01-01T00:00:10Z"), to: Date.parse("2026-01-01T00:00:20Z") };
const kindOf = (text: string): string => readProof(logItems(text), mine, window).kind;
const live = (...items: string[]): string =>
  readProof(
    items.map((text) => ({ text })),
    mine,
  ).kind;

describe("a live feed, item by item", () => {
  test.each([
    ["the announcement", [line], "proved"],
    ["among others", ["##[group]Run x", line, "thanks"], "proved"],
    ["printed again and again", [line, line, line], "proved"],
    ["an earlier challenge of the same key before it", [oldLine, line], "proved"],
    ["nothing", [], "absent"],
    ["an earlier challenge alone", [oldLine], "absent"],
    [
      "L-02: within an item of more lines",
      [`env: BODY\n${line}`, `${line}\n##[endgroup]`],
      "absent",
    ],
    ["L-02: another key within an item, beside the announcement", [`env\n${evil}`, line], "proved"],
    ["L-12: cut at 1,024 characters", [`${line}...`], "absent"],
    ["L-07: another key after it", [line, evil], "ambiguous"],
    ["L-07: another key before it", [evil, line], "ambiguous"],
    ["L-16: another key alone", [evil], "ambiguous"],
    ["L-08: in two items", [line.slice(0, 60), line.slice(60)], "absent"],
    ["L-09: a masked key", [line.replace(publicKey, "***")], "masked"],
    ["L-09: a masked prefix", [line.replace("ACTIONS2AWS", "***")], "masked"],
    ["L-09: a masked challenge", [line.replace(challenge, "***")], "masked"],
    ["L-09: a masked middle of the key", [line.replace(publicKey.slice(10, 20), "***")], "masked"],
    ["L-09: masked and then whole", [line.replace("age1", "***"), line], "proved"],
    [
      "L-07: another's that is masked, beside the announcement",
      [evil.replace(evilKey, "***"), line],
      "ambiguous",
    ],
    ["L-07: the same after it", [line, evil.replace("age1", "***")], "ambiguous"],
    ["L-09: a mask beside the key", [`*** ${publicKey}`.padEnd(1_024, "x")], "masked"],
    [
      "L-12: a longer text with a mask and the key",
      [`*** ${publicKey}`.padEnd(1_025, "x")],
      "absent",
    ],
    ["stars that have nothing to do with it", ["*** secret ***"], "absent"],
    ["L-19: debug copies beside it", [line, `##[debug]${evil}`, `##[debug]${line}`], "proved"],
  ])("%s: %#", (_, items, expected) => {
    expect(live(...items)).toBe(expected);
  });
});

describe("a stored log", () => {
  test.each([
    ["the announcement", log(`${at(11)} hello`, `${at(12)} ${line}`), "proved"],
    ["ended by CR and LF", log(`${at(12)} ${line}\r`), "proved"],
    ["without BOM and last newline", `${at(12)} ${line}`, "proved"],
    ["L-02: a line without a timestamp", log(`${at(11)} BODY: x`, line), "absent"],
    [
      "L-02: behind a forged end of the header",
      log(`${at(11)} BODY: x`, "##[endgroup]", line),
      "absent",
    ],
    [
      "L-02: another key there, and the announcement after it",
      log(`${at(11)} BODY: x`, evil, `${at(12)} ${line}`),
      "proved",
    ],
    ["L-04: the second line of a command", log(`${at(11)} ##[group]x`, line), "absent"],
    ["L-02: in colour", log(`${at(11)} \u001B[36;1m${line}\u001B[0m`), "absent"],
    ["L-05: behind a lone CR", log(`${at(11)} x\r${line}`), "absent"],
    ["L-05: behind U+2028", log(`${at(11)} x\u2028${line}`), "absent"],
    ["L-05: behind U+2029", log(`${at(11)} x\u2029${at(12)} ${line}`), "absent"],
    ["L-05: behind U+0085", log(`${at(11)} x\u0085${line}`), "absent"],
    ["L-05: a BOM in the middle", log(`${at(11)} \uFEFF${line}`), "absent"],
    ["L-05: two CRs", log(`${at(11)} ${line}\r\r`), "absent"],
    ["L-10: two timestamps", log(`${at(11)} ${at(11)} ${line}`), "absent"],
    [
      "L-10: a timestamp within a line of another message",
      log(`${at(11)} BODY: x`, `title ${at(12)} ${line}`),
      "absent",
    ],
    ["L-05: a BOM in the middle, where none begins the log", `${at(11)} \uFEFF${line}\n`, "absent"],
    ["L-10: a timestamp of another form", log(`2026-01-01T00:00:11Z ${line}`), "absent"],
    ["L-10: a timestamp with a zone", log(`2026-01-01T00:00:11.1234567+00:00 ${line}`), "absent"],
    ["L-10: two spaces behind the timestamp", log(`${at(11)}  ${line}`), "absent"],
    ["L-10: before the step began", log(`${at(11)} ##[group]x`, `${at(1)} ${line}`), "suspicious"],
    [
      "L-04: long before the step began",
      log(`${at(11)} x`, `2020-01-01T00:00:00.0000000Z ${line}`),
      "suspicious",
    ],
    ["L-10: after the step ended", log(`${at(31)} ${line}`), "suspicious"],
    [
      "L-10: before the announcement above it",
      log(`${at(15)} ${line}`, `${at(12)} ${line}`),
      "suspicious",
    ],
    [
      "L-10: after any other line of a forged time",
      log("2099-01-01T00:00:00.0000000Z x", `${at(12)} ${line}`),
      "proved",
    ],
    [
      "L-10: after a line of an impossible time",
      log("2026-99-99T99:99:99.1234567Z x", `${at(12)} ${line}`),
      "proved",
    ],
    ["L-10: a time that is none", log("2026-99-99T99:99:99.1234567Z " + line), "suspicious"],
    [
      "L-10: within the slack of two clocks",
      log(`${at(9)} ${line}`, `${at(21)} ${line}`),
      "proved",
    ],
    ["L-10: forged with another key", log(`${at(1)} ${evil}`, `${at(12)} ${line}`), "suspicious"],
    ["L-07: another key", log(`${at(11)} ${evil}`, `${at(12)} ${line}`), "ambiguous"],
    [
      "L-22: UTF-16 read as UTF-8",
      Buffer.from(log(`${at(12)} ${line}`), "utf16le").toString("utf8"),
      "absent",
    ],
    [
      "L-22: a bad byte in the key",
      log(`${at(12)} ${line.replace("age1", "age1\uFFFD")}`),
      "absent",
    ],
    ["L-22: bad bytes elsewhere", log(`${at(11)} \uFFFD\uFFFD`, `${at(12)} ${line}`), "proved"],
    [
      "L-18: a page in place of it",
      "<html><body><form action='/session'></form></body></html>",
      "absent",
    ],
    ["L-23: nothing", "", "absent"],
  ])("%s", (_, text, expected) => {
    expect(kindOf(text)).toBe(expected);
  });

  test("one message keeps its lines, and its one timestamp", () => {
    const items = [...logItems(log(`${at(1)} one`, "two", `${at(2)} three`, `${at(3)} `))];
    expect(items).toEqual([
      { text: "one\ntwo", time: Date.parse("2026-01-01T00:00:01.123Z") },
      { text: "three", time: Date.parse("2026-01-01T00:00:02.123Z") },
      { text: "", time: Date.parse("2026-01-01T00:00:03.123Z") },
    ]);
  });

  test("L-13: four megabytes of one line, and of empty ones, take no time to speak of", () => {
    const started = performance.now();
    expect(kindOf(`${at(11)} ${"x".repeat(4_000_000)}\n${at(12)} ${line}\n`)).toBe("proved");
    expect(kindOf(`${"\n".repeat(4_000_000)}${at(12)} ${line}\n`)).toBe("proved");
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

/** Text as an attacker would write it: announcements, timestamps and markers cut up by all separators. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(line, evil, oldLine, "ACTIONS2AWS PROOF: ", evilKey, publicKey, "***"),
      fc.constantFrom(
        "\n",
        "\r",
        "\r\n",
        "\u2028",
        "\u2029",
        "\u0085",
        "\v",
        "\f",
        "\0",
        "\uFEFF",
        " ",
      ),
      fc.constantFrom(at(11), at(12), at(15), "##[endgroup]", "##[group]", "\u001B[0m", "%0A"),
      fc.string({ unit: character, maxLength: 5 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(""));
const evilMine = { publicKey: evilKey, challenge: "c1.t5k2x9.EvilEvilEvilEvil.0123456789abcdef" };
const evilLine = new RegExp(`^ACTIONS2AWS PROOF: ${evilKey} [A-Za-z0-9_.-]{16,200}$`);
const isMaskedOfAnother = (item: string): boolean =>
  item.startsWith("ACTIONS2AWS PROOF: ") &&
  item.includes("***") &&
  !item.includes(publicKey) &&
  !item.endsWith(` ${challenge}`);
const runs = { numRuns: 2_000 };

describe("for any text of an attacker's", () => {
  test("in a live feed, no item but a whole announcement proves the attacker's key", () => {
    fc.assert(
      fc.property(fc.array(hostile), fc.nat({ max: 5 }), (items, position) => {
        fc.pre(!items.includes(evil));
        const feed = items.toSpliced(position, 0, line).map((text) => ({ text }));
        expect(readProof(feed, evilMine).kind).not.toBe("proved");
      }),
      runs,
    );
  });

  test("in a stored message without a timestamp of its own, nothing proves the attacker's key", () => {
    fc.assert(
      fc.property(fc.array(hostile), fc.nat({ max: 5 }), (messages, position) => {
        const texts = messages.map((text) => `x ${text.replaceAll(/\d{4}-\d\d-\d\dT/g, "")}`);
        const stored = log(
          ...texts.toSpliced(position, 0, line).map((text) => `${at(12)} ${text}`),
        );
        expect(readProof(logItems(stored), evilMine, window).kind).not.toBe("proved");
        expect(kindOf(stored)).toBe("proved");
      }),
      runs,
    );
  });

  test("an announcement is proved by a log that holds it whole, and by no other", () => {
    fc.assert(
      fc.property(fc.array(hostile), (items) => {
        const foreign = items.some((item) => evilLine.test(item) || isMaskedOfAnother(item));
        const whole = items.includes(line) && !foreign;
        expect(live(...items) === "proved").toBe(whole);
      }),
      runs,
    );
  });
});

describe("the pinned steps of a job, taken together", () => {
  const step = (change: Partial<StepLog> = {}): StepLog => ({
    name: "assume role",
    state: "in_progress",
    window: {},
    items: [{ text: line }],
    ...change,
  });
  const empty = { items: [{ text: "hello" }] };

  test.each<[string, StepLog[], string | null]>([
    ["the announcement", [step()], "assume role"],
    [
      "in the second of two pinned steps",
      [step({ state: "succeeded", ...empty }), step({ name: "b" })],
      "b",
    ],
    ["in a step that ended well", [step({ state: "succeeded" })], "assume role"],
    ["not yet", [step(empty)], null],
    ["a step that has not begun", [step({ state: "waiting", items: null })], null],
    [
      "L-23: an ended step whose log is not there yet",
      [step({ state: "succeeded", items: null })],
      null,
    ],
    ["no pinned step yet", [], null],
    [
      "one ended without it, one to come",
      [step({ state: "succeeded", ...empty }), step({ name: "b", state: "waiting", items: null })],
      null,
    ],
  ])("%s", (_, steps, expected) => {
    expect(judgeSteps(steps, mine)).toBe(expected);
  });

  test.each<[string, StepLog[], "proof_invalid" | "proof_ambiguous"]>([
    ["L-14: two steps of the pinned name", [step(), step()], "proof_ambiguous"],
    [
      "L-14: two steps of the pinned name, one to come",
      [step(), step({ state: "waiting", items: null })],
      "proof_ambiguous",
    ],
    [
      "L-07: another key in the other step",
      [step(), step({ name: "b", items: [{ text: evil }] })],
      "proof_ambiguous",
    ],
    [
      "L-10: a forged time in the other step",
      [step(), step({ name: "b", items: [{ text: line, time: 0 }], window })],
      "proof_invalid",
    ],
    ["L-09: a mask", [step({ items: [{ text: line.replace("age1", "***") }] })], "proof_invalid"],
    ["ended without it", [step({ state: "succeeded", ...empty })], "proof_invalid"],
    ["L-07: failed", [step({ state: "failed", items: null })], "proof_invalid"],
    [
      "all ended",
      [step({ state: "failed", items: null }), step({ name: "b", state: "succeeded", ...empty })],
      "proof_invalid",
    ],
  ])("%s is refused", (_, steps, expected) => {
    for (const order of [steps, steps.toReversed()]) {
      expect(() => judgeSteps(order, mine)).toThrow(code(expected, told));
    }
  });
});
