import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { wakefulClock } from "../../src/server/clock.ts";

/** Two clocks that a test moves by hand. */
function clocks() {
  const time = { wall: 1_700_000_000_000, steady: 1_000 };
  const { steady } = wakefulClock(
    () => time.wall,
    () => time.steady,
  );
  /** What passed by the clock under test while these did. */
  const passed = (wall: number, monotonic: number): number => {
    const before = steady();
    time.wall += wall;
    time.steady += monotonic;
    return steady() - before;
  };
  return { passed };
}

describe("H-11: of the monotonic and the wall clock the one counts by which more time has passed", () => {
  test.each([
    ["both go on", 2_000, 2_000, 2_000],
    ["the process was frozen for minutes", 300_000, 3, 300_000],
    ["the process was frozen for long, and ran for long", 3_600_000, 60_000, 3_600_000],
    ["the wall clock is set back", -3_600_000, 500, 500],
    ["the wall clock is set back a little while time passes", 400, 500, 500],
    ["the two differ by what reading them takes", 530, 500, 500],
  ])("%s", (_, wall, steady, expected) => {
    expect(clocks().passed(wall, steady)).toBeCloseTo(expected);
  });

  test("a wall clock that was set back hides no sleep after it", () => {
    const { passed } = clocks();
    passed(-3_600_000, 10);
    expect(passed(120_000, 1)).toBeCloseTo(120_000);
  });

  test("many short sleeps are not lost", () => {
    const { passed } = clocks();
    let all = 0;
    for (let count = 0; count < 100; count++) all += passed(30, 0);
    expect(all).toBeGreaterThanOrEqual(3_000 - 50);
  });

  test("the noise of two clocks does not make it run faster", () => {
    const { passed } = clocks();
    let all = 0;
    for (let count = 0; count < 1_000; count++) all += passed(count % 2 === 0 ? 11 : 9, 10);
    expect(all).toBeCloseTo(10_000);
  });

  test("whatever they do, it never runs backwards, and never slower than the monotonic one", () => {
    const steps = fc.array(
      fc.tuple(fc.integer({ min: -10_000_000, max: 10_000_000 }), fc.nat(10_000_000)),
    );
    fc.assert(
      fc.property(steps, (moves) => {
        const { passed } = clocks();
        for (const [wall, steady] of moves)
          expect(passed(wall, steady)).toBeGreaterThanOrEqual(steady);
      }),
    );
  });
});
