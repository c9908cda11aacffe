import fc from "fast-check";
import { expect, test } from "vitest";
import { parseDuration } from "../../src/cli/duration.ts";

test.each([
  ["15m", 900],
  ["1h", 3600],
  ["900s", 900],
  ["900", 900],
  ["12h", 43_200],
])("%s is %d seconds", (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});

test.each([
  "",
  "0",
  "0m",
  "-1m",
  "1.5h",
  "15 m",
  "15M",
  "1h30m",
  "1d",
  "٣m",
  "1e3",
  "0x10",
  "15m\n",
  "99999999",
])("%j is not a duration", (text) => {
  expect(parseDuration(text)).toBeNull();
});

test("any text is null or a whole number of seconds above 0", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{1,8}[smh]?$/)), (text) => {
      const seconds = parseDuration(text);
      expect(seconds === null || (Number.isSafeInteger(seconds) && seconds > 0)).toBe(true);
    }),
  );
});
