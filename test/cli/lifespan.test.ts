import fc from "fast-check";
import { expect, test } from "vitest";
import { hasMargin, type Lifespan, renewalTime } from "../../src/cli/lifespan.ts";

const minute = 60_000;

test.each<[life: number, renewalAfter: number | null, renewed: number]>([
  [15, null, 10],
  [15, 10, 10],
  [15, 1, 7.5],
  [15, 14, 10],
  [60, 40, 40],
  [60, null, 55],
  [60, 59, 55],
  [60, -5, 30],
  [3, null, 2],
])("%d minutes, renewal after %s: renewed after %d", (life, after, renewed) => {
  const renewalAfter = after === null ? null : after * minute;
  const span = { obtainedAt: 0, expiresAt: life * minute, renewalAfter };
  expect(renewalTime(span)).toBe(renewed * minute);
});

const lifespans: fc.Arbitrary<Lifespan> = fc
  .tuple(fc.nat(1e12), fc.integer({ min: 1, max: 1e9 }), fc.option(fc.nat(2e12)))
  .map(([obtainedAt, life, renewalAfter]) => ({
    obtainedAt,
    expiresAt: obtainedAt + life,
    renewalAfter,
  }));

test("nothing is renewed in the first half of its life, nor used in its last minutes", () => {
  fc.assert(
    fc.property(lifespans, (span) => {
      const life = span.expiresAt - span.obtainedAt;
      const time = renewalTime(span);
      expect(time).toBeGreaterThanOrEqual(span.obtainedAt + life / 2);
      expect(hasMargin(span, time - 1)).toBe(true);
      expect(hasMargin(span, span.expiresAt - Math.min(5 * minute, life / 3))).toBe(false);
      expect(hasMargin(span, span.expiresAt)).toBe(false);
    }),
  );
});

test("a broker whose clock is wrong makes no endless life", () => {
  const span = { obtainedAt: 1_000, expiresAt: 0, renewalAfter: null };
  expect(hasMargin(span, 1_000)).toBe(false);
});
