import { generateX25519Identity, identityToRecipient } from "age-encryption";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isMaskedProofLine,
  isSpoiledPubkeyLine,
  parseProofLine,
  proofLine,
  pubkeyLine,
} from "../../src/core/announcement.ts";
import { character } from "./character.ts";

const key = await identityToRecipient(await generateX25519Identity());
const challenge = "c1.t5k2x9.AbCdEfGhIjKlMnOp.0123456789abcdefABCDEF";
const line = proofLine(key, challenge);

test("the lines are the contract's, byte for byte", () => {
  expect(pubkeyLine(key)).toBe(`ACTIONS2AWS PUBKEY: ${key}`);
  expect(line).toBe(`ACTIONS2AWS PROOF: ${key} ${challenge}`);
  expect(parseProofLine(line)).toEqual({ publicKey: key, challenge });
});

/** Characters that some reader or other takes for a line's end or for nothing. */
const odd = [
  "\n",
  "\r",
  "\r\n",
  "\u2028",
  "\u2029",
  "\u0085",
  "\v",
  "\f",
  "\0",
  "\b",
  "\uFEFF",
  "\u00A0",
  " ",
  "\t",
  "\u200B",
  "\u001B[31m",
];

describe("text that only contains an announcement is not one", () => {
  test.each(odd)("L-05, L-06, L-21: with %j before, behind or within it", (sign) => {
    for (const text of [
      sign + line,
      line + sign,
      line.replace("PROOF", `${sign}PROOF`),
      line.replace("age1", `age1${sign}`),
      line.replace(" c1.", `${sign} c1.`),
      line.replace(" c1.", ` ${sign}c1.`),
      line.replace("PROOF: ", `PROOF: ${sign}`),
    ]) {
      expect(parseProofLine(text)).toBeNull();
    }
  });

  test.each([
    ["L-06: a title", `title: ${line}`],
    ["L-06: twice on a line", `${line} ${line}`],
    ["L-06: trailing text", `${line} thanks`],
    ["L-08: a key over two lines", line.replace(key, `${key.slice(0, 30)}\n${key.slice(30)}`)],
    ["L-08: the challenge on the next line", line.replace(" c1", "\nc1")],
    ["L-10: a timestamp before it", `2026-01-01T00:00:00.1234567Z ${line}`],
    ["L-17: another case", line.replace("PROOF", "Proof")],
    ["L-17: no challenge", `ACTIONS2AWS PROOF: ${key}`],
    ["L-17: an empty challenge", `ACTIONS2AWS PROOF: ${key} `],
    ["L-17: the prefix of a challenge", `ACTIONS2AWS PROOF: ${key} c1`],
    ["L-17: an endless challenge", `${line}${"A".repeat(200)}`],
    ["L-19: a debug copy", `##[debug]${line}`],
    ["L-07: an error from a problem matcher", `##[error]${line}`],
    ["L-21: in colour", `\u001B[36;1m${line}\u001B[0m`],
    ["L-21: as a hyperlink", `\u001B]8;;http://x\u0007${line}\u001B]8;;\u0007`],
    ["L-24: the key in capitals", line.replace(key, key.toUpperCase())],
    ["L-09: masked", line.replace("age1", "***")],
    ["L-22: a replacement character", line.replace("age1", "age1\uFFFD")],
    ["the original's line", pubkeyLine(key)],
    ["nothing", ""],
  ])("%s", (_, text) => {
    expect(parseProofLine(text)).toBeNull();
  });
});

test("no text that is another than the line reads as its announcement", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: line.length }),
      fc.nat({ max: 3 }),
      fc.string({ unit: character, maxLength: 3 }),
      (at, length, text) => {
        const changed = line.slice(0, at) + text + line.slice(at + length);
        fc.pre(changed !== line);
        expect(parseProofLine(changed)).not.toEqual({ publicKey: key, challenge });
      },
    ),
    { numRuns: 1_000 },
  );
});

/** Of this length, with the end cut off. */
const cut = (text: string, length: number): string => text.padEnd(length, "x").slice(0, length);

describe("L-07, L-09: what the runner leaves of keygen's announcement when it changes it", () => {
  test.each([
    "ACTIONS2AWS PUBKEY: ***",
    "ACTIONS2AWS PUBKEY: age1***",
    `*** PUBKEY: ${key}`,
    `ACTIONS2AWS*** ${key}`,
    `***S2AWS***PUB***: ${key}`,
    `***${key}`,
    `##[error]${pubkeyLine(key)}`,
    `##[warning]${pubkeyLine(key)}`,
    `##[notice]${pubkeyLine(key)}`,
    cut("ACTIONS2AWS PUBKEY: ***", 1_024),
  ])("may be %s", (item) => {
    expect(isSpoiledPubkeyLine(item)).toBe(true);
  });

  test.each([
    ["the announcement itself", pubkeyLine(key)],
    ["nothing but a mask", "***"],
    ["a mask, and a key with more behind it", `*** PUBKEY: ${key}.`],
    ["other words before the mask", `CTIONS*** ${key}`],
    ["other words behind it", `***Z ${key}`],
    ["other words between two", `***Z*** ${key}`],
    ["the words in another order", `***PUBKEY***2AWS*** ${key}`],
    ["a line above it", `x\n*** PUBKEY: ${key}`],
    ["text before the mark", `x##[error]${pubkeyLine(key)}`],
    ["another mark", `##[debug]${pubkeyLine(key)}`],
    ["a mark before something else", "##[error]no"],
    ["a longer text", cut("ACTIONS2AWS PUBKEY: ***", 1_025)],
  ])("is not %s", (_, item) => {
    expect(isSpoiledPubkeyLine(item)).toBe(false);
  });
});

test.each([
  ["ACTIONS2AWS PROOF: ***", true],
  [cut("ACTIONS2AWS PROOF: ***", 1_024), true],
  [cut("ACTIONS2AWS PROOF: ***", 1_025), false],
  [line, false],
  [`x${line}***`, false],
])("L-09: a mask has cut into the proof of %.30s…: %j", (item, expected) => {
  expect(isMaskedProofLine(item)).toBe(expected);
});
