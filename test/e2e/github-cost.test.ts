import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { alone } from "../harness/alone.ts";
import type { Bench } from "../harness/bench.ts";

describe.concurrent("a lone job costs of GitHub's budget", () => {
  test(
    "at most 2.2 when its branch is known from an earlier job",
    alone(async (bench) => {
      await bench.expectGolden();
      expect(await costOfEach(bench, () => {})).toBeLessThanOrEqual(2.2);
    }),
  );

  test(
    "at most 3.2 when its branch has just moved",
    alone(async (bench) => {
      await bench.expectGolden();
      const push = (round: number): void => {
        bench.world.github.push(bench.repository, "main", `moved ${round}`);
      };
      expect(await costOfEach(bench, push)).toBeLessThanOrEqual(3.2);
    }),
  );
});

/** What GitHub charges for one of some real jobs, so far apart that they share no answers. */
async function costOfEach(bench: Bench, before: (round: number) => void): Promise<number> {
  const rounds = 4;
  const { github } = bench.world;
  github.drainDelay = 300;
  github.clearJournal();
  for (let round = 0; round < rounds; round++) {
    await pause(1_600);
    before(round);
    const step = await bench.newJob().run("assume role", `eval $(${bench.request()})`);
    expect(step.exitCode).toBe(0);
  }
  return github.restCost() / rounds;
}
