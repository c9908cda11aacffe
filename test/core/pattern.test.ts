import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compilePattern, foldAscii } from "../../src/core/pattern.ts";
import { character } from "./character.ts";

describe("P-03: a pattern matches the whole text and no more than it says", () => {
  test.each([
    ["refs/heads/main", "refs/heads/main", true],
    ["refs/heads/main", "refs/heads/main-evil", false],
    ["refs/heads/main", "xrefs/heads/main", false],
    ["release/*", "release/1", true],
    ["release/*", "release/", true],
    ["release/*", "release/x/y", false],
    ["release/*", "xrelease/y", false],
    ["release/**", "release/x/y", true],
    ["release/***", "release/x/y", true],
    ["**/y", "release/x/y", true],
    ["*/y", "release/x/y", false],
    ["a*c", "ac", true],
    ["a*c", "abcbc", true],
    ["a*c", "abcb", false],
    ["v1.0", "v1x0", false],
    ["(a|b)", "a", false],
    ["(a|b)", "(a|b)", true],
    ["[ab]?$", "[ab]?$", true],
    ["*", "", true],
    ["a", "", false],
    ["a*b", "a\nb", true],
    ["*", "two\nlines", true],
    ["deploy", "deploy\n", false],
    ["m*n", "ｍain", false],
    ["Main", "main", false],
  ])("%j on %j: %j", (pattern, text, expected) => {
    expect(compilePattern(pattern).matches(text)).toBe(expected);
  });
});

/** What the words say, tried out one character after the other. */
function naive(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern.startsWith("**")) {
    const rest = pattern.replace(/^\*+/, "");
    return Array.from({ length: text.length + 1 }, (_, at) => text.slice(at)).some((tail) =>
      naive(rest, tail),
    );
  }
  if (pattern.startsWith("*")) {
    return (
      naive(pattern.slice(1), text) ||
      (text !== "" && text[0] !== "/" && naive(pattern, text.slice(1)))
    );
  }
  return text !== "" && pattern[0] === text[0] && naive(pattern.slice(1), text.slice(1));
}

test("a pattern matches what a naive reading of it matches", () => {
  const pattern = fc.string({ unit: fc.constantFrom("a", "b", "/", "*"), maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 10 });
  fc.assert(
    fc.property(pattern, text, (source, value) => {
      expect(compilePattern(source).matches(value)).toBe(naive(source, value));
    }),
    { numRuns: 3_000 },
  );
});

test("a pattern without * is literal, and says so", () => {
  expect(compilePattern("a/b").literal).toBe(true);
  expect(compilePattern("a/*").literal).toBe(false);
});

test.each([
  ["*a".repeat(256), "a".repeat(2_000) + "!"],
  ["**a".repeat(170), "a".repeat(2_000) + "!"],
])("H-24: %.6s… on a long text takes no time to speak of", (pattern, text) => {
  const started = performance.now();
  expect(compilePattern(pattern).matches(text)).toBe(false);
  expect(performance.now() - started).toBeLessThan(5_000);
});

describe("G-15: folding", () => {
  test("A to Z fold, and nothing else does", () => {
    expect(foldAscii("ACME/App")).toBe("acme/app");
    // The Kelvin sign and the long s become k and s by toLowerCase and toUpperCase.
    expect(foldAscii("acme/\u212Aey")).not.toBe("acme/key");
    expect(foldAscii("\u0130\u00C4")).toBe("\u0130\u00C4");
  });

  test("folding twice is folding once, and keeps the length", () => {
    fc.assert(
      fc.property(fc.string({ unit: character }), (text) => {
        expect(foldAscii(foldAscii(text))).toBe(foldAscii(text));
        expect(foldAscii(text)).toHaveLength(text.length);
      }),
    );
  });
});
