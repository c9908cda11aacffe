import { describe, expect, test, vi } from "vitest";
import { alone } from "../harness/alone.ts";
import type { Bench } from "../harness/bench.ts";

/** Until somebody has been turned away. */
const turnedAway = (bench: Bench) =>
  vi.waitFor(() => expect(bench.records).not.toEqual([]), { timeout: 15_000 });

describe.concurrent("a real client", () => {
  test(
    "waits for as long as GitHub's limit tells it to, and gets its role (F-03)",
    { timeout: 60_000 },
    alone(async (bench) => {
      const { github } = bench.world;
      github.secondaryLimit = { status: 429, retryAfter: 1 };
      const step = bench.newJob().run("assume role", `eval $(${bench.request()})`);
      await turnedAway(bench);
      github.secondaryLimit = null;
      expect((await step).exitCode).toBe(0);
      expect((await step).stderr).toMatch(/github_rate_limited.*; trying again/);
    }),
  );

  test(
    "comes through a while without GitHub by itself (F-03)",
    { timeout: 60_000 },
    alone(async (bench) => {
      const handle = bench.world.github.api.fault({ status: 500 });
      const step = bench.newJob().run("assume role", `eval $(${bench.request()})`);
      await turnedAway(bench);
      handle.remove();
      expect((await step).exitCode).toBe(0);
      expect((await step).stderr).toMatch(/github_unavailable.*; trying again/);
    }),
  );
});
