import fc from "fast-check";
import { expect, test } from "vitest";
import { oneLine } from "../../src/cli/plain-text.ts";

test.each([
  ["plain text", "plain text"],
  ["a\nb", "a b"],
  ["a\r\n::add-mask::b", "a ::add-mask::b"],
  ["\u001b[31mred\u0000", "[31mred"],
  ["a\u2028b\u2029c\u0085d", "a b c d"],
  ["right\u202eto left\ufeff", "right to left"],
  ["x ##[error]y", "x # # [error]y"],
  ["  blanks  ", "blanks"],
])("%j reads %j", (text, line) => {
  expect(oneLine(text)).toBe(line);
});

test("is cut to the length that is asked for, by characters", () => {
  expect(oneLine("😀".repeat(20), 10)).toBe(`${"😀".repeat(9)}…`);
});

test("whatever comes in, one printable line without a runner's command comes out", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
      const line = oneLine(`x${text}`, 300);
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      expect(line).not.toContain("##[");
      expect(Array.from(line).length).toBeLessThanOrEqual(300);
    }),
  );
});
