import { changedJson } from "./json-tree.ts";
import type { Random } from "./random.ts";

/** Half of what the slowest parser must take in a second. */
const longest = 512 * 1024;

/** Text that some reader or other takes for an end, for nothing, or for something else. */
const tricks = [
  ...Array.from(
    "\0\b\t\n\v\f\r\u001B\u0085\u00A0\u00AD\u200B\u200D\u200E\u202E\u2028\u2029\u2060\uFEFF\uFFFD",
  ),
  ...Array.from("\u212A\u0130\u0131\u017F\u0301\u{1F389}\u{E0041}０Ａａ．／"),
  "\r\n",
  "../",
  "%2e%2f%00",
  "\\u0000",
  "\\ud800",
  "\\udfff",
  "\u001B[31m",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "null",
  "true",
  "NaN",
  "***",
];

const numbers = [
  "0",
  "-0",
  "-1",
  "1.0",
  "1e3",
  "1e400",
  "0x10",
  "007",
  "2147483648",
  "9007199254740991",
  "9007199254740992",
  "9999999999999999",
  "18446744073709551616",
  "9".repeat(400),
];

type Change = (input: Buffer, context: Context) => Buffer;

interface Context {
  readonly random: Random;
  /** What the format is made of. */
  readonly words: readonly string[];
  /** Other inputs, to take parts of. */
  readonly corpus: readonly Buffer[];
}

/** Another input, made of one that is there by a few changes. */
export function mutate(input: Buffer, context: Context): Buffer {
  let changed = input;
  do {
    changed = context.random.pick(changes)(changed, context);
  } while (!context.random.once(3));
  return changed.subarray(0, longest);
}

const putWord: Change = (input, { random, words }) =>
  replaced(input, random, Buffer.from(random.pick(random.once(3) ? tricks : words)));

const changeJson: Change = (input, { random, words }) => {
  const values = random.once(3)
    ? numbers
    : [...words, ...tricks].map((word) => JSON.stringify(word));
  const text = changedJson(input.toString(), random, values);
  return text === null ? input : Buffer.from(text);
};

const changes: readonly Change[] = [
  (input, { random }) => {
    const copy = Buffer.from(input);
    const at = random.below(copy.length);
    if (copy.length > 0)
      copy[at] = random.once(2) ? random.below(256) : (copy[at] ?? 0) ^ (1 << random.below(8));
    return copy;
  },
  (input, { random }) => replaced(input, random, Buffer.alloc(0)),
  (input, { random }) => input.subarray(0, random.below(input.length + 1)),
  (input, { random }) => {
    const from = random.below(input.length + 1);
    return replaced(input, random, input.subarray(from, from + random.size(input.length + 1)));
  },
  (input, { random }) => {
    const from = random.below(input.length + 1);
    const part = input.subarray(from, from + 1 + random.below(40));
    const times = random.once(20) ? random.below(longest / 40) : random.below(20);
    return spliced(input, from, from, Buffer.concat(Array.from({ length: times }, () => part)));
  },
  (input, { random, corpus }) => {
    const other = random.pick(corpus);
    const from = random.below(other.length + 1);
    return replaced(input, random, other.subarray(from, from + random.size(other.length + 1)));
  },
  (input, { random }) => {
    const runs = [...input.toString("latin1").matchAll(/\d+/g)];
    if (runs.length === 0) return input;
    const { index, 0: run } = random.pick(runs);
    return spliced(input, index, index + run.length, Buffer.from(random.pick(numbers)));
  },
  (input, { random }) => {
    const [opening, closing] = random.pick([
      ["[", "]"],
      ['{"a":', "}"],
      ["{a: ", "}"],
      ["- ", ""],
      ["<check-step>", "</check-step>"],
    ] as const);
    const depth = random.once(10) ? random.below(50_000) : random.below(100);
    const [from, to] = span(input, random);
    const inside = input.subarray(from, to).toString("latin1");
    const nested = opening.repeat(depth) + inside + closing.repeat(depth);
    return spliced(input, from, to, Buffer.from(nested, "latin1"));
  },
  putWord,
  putWord,
  changeJson,
  changeJson,
  changeJson,
];

/** Puts something in the place of a part, which may be empty. */
function replaced(input: Buffer, random: Random, part: Buffer): Buffer {
  return spliced(input, ...span(input, random), part);
}

function span(input: Buffer, random: Random): [from: number, to: number] {
  const from = random.below(input.length + 1);
  return [
    from,
    random.once(2) ? from : Math.min(input.length, from + random.size(input.length + 1)),
  ];
}

function spliced(input: Buffer, from: number, to: number, part: Buffer): Buffer {
  return Buffer.concat([input.subarray(0, from), part, input.subarray(to)]);
}
