import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import type { SimulatedGitHub } from "../world/index.ts";
import { alone } from "../harness/alone.ts";
import type { Bench } from "../harness/bench.ts";

interface Limit {
  readonly impose: (github: SimulatedGitHub) => void;
  readonly lift: (github: SimulatedGitHub) => void;
}

const noSecondaryLimit = (github: SimulatedGitHub): void => void (github.secondaryLimit = null);
const limits: Record<string, Limit> = {
  "by its hourly limit, 403": {
    impose: (github) => github.exhaust(2),
    lift: (github) => void (github.budget.used = 0),
  },
  "by a secondary limit, 429 with Retry-After": {
    impose: (github) => void (github.secondaryLimit = { status: 429, retryAfter: 2 }),
    lift: noSecondaryLimit,
  },
  "by a secondary limit, 403 with Retry-After": {
    impose: (github) => void (github.secondaryLimit = { status: 403, retryAfter: 2 }),
    lift: noSecondaryLimit,
  },
};

describe.concurrent("GitHub's API limits the broker", () => {
  test.for(Object.entries(limits))(
    "%s: not one call more until the time is over, then all is served again (F-03)",
    ([, { impose, lift }]) =>
      alone(async (bench) => {
        const { github, sts } = bench.world;
        const client = await bench.client();
        impose(github);
        const reply = await client.attempt();
        expect(reply).toMatchObject({ status: 503, json: { code: "github_rate_limited" } });
        const wait = Number(reply.headers.get("retry-after"));
        expect([1, 2, 3, 4]).toContain(wait);
        const until = performance.now() + wait * 1_000;

        lift(github);
        github.clearJournal();
        while (performance.now() < until - 1_000) {
          const another = await (await bench.client()).attempt();
          expect(another).toMatchObject({ json: { code: "github_rate_limited" } });
          await pause(100);
        }
        expect(github.api.journal).toEqual([]);
        expect(sts.journal).toEqual([]);

        await pause(Math.max(0, until - performance.now()) + 100);
        await bench.expectGolden();
      })(),
  );

  test(
    "and a real client waits for as long as it is told, and gets its role",
    alone(async (bench) => {
      bench.world.github.secondaryLimit = { status: 429, retryAfter: 1 };
      setTimeout(() => noSecondaryLimit(bench.world.github), 600);
      const step = await bench.newJob().run("assume role", `eval $(${bench.request()})`);
      expect(step.exitCode).toBe(0);
      expect(step.stderr).toMatch(/github_rate_limited.*; trying again/);
    }),
  );
});

describe.concurrent("GitHub is slow or away for a while", () => {
  test(
    "a real client comes through some seconds of it by itself",
    alone(async (bench) => {
      const handle = bench.world.github.api.fault({ status: 500 });
      setTimeout(() => handle.remove(), 1_500);
      const step = await bench.newJob().run("assume role", `eval $(${bench.request()})`);
      expect(step.exitCode).toBe(0);
      expect(step.stderr).toMatch(/github_unavailable.*; trying again/);
    }),
  );

  test(
    "when it hangs or trickles, jobs and broker end in bounded time, others are served meanwhile, and these afterwards (F-03, F-04, F-17)",
    { timeout: 40_000 },
    alone(async (bench) => {
      const { github, sts } = bench.world;
      const [api, web, slow] = [bench.newJob(), bench.newJob(), bench.newJob()];
      const faults = [
        github.api.fault({ match: new RegExp(`/runs/${api.job.run.id}(?:$|/)`), hang: true }),
        github.web.fault({ match: new RegExp(`/runs/${web.job.run.id}/`), hang: true }),
        github.api.fault({ match: new RegExp(`/runs/${slow.job.run.id}$`), trickle: 200 }),
      ];
      const begun = performance.now();
      const steps = Promise.all(
        [api, web, slow].map((job) => job.run("assume role", bench.request("--timeout 3s"))),
      );
      // Beside the hanging ones, others get what they ask for.
      await bench.expectGolden();
      for (const step of await steps) {
        expect(step).toMatchObject({ exitCode: 4, stdout: "false\n" });
        expect(step.stderr).toContain("out of time after 3s");
      }
      expect(performance.now() - begun).toBeLessThan(8_000);
      await vi.waitFor(() => expect(bench.records).toHaveLength(4), 25_000);
      expect(bench.records.map(({ code }) => code)).toEqual([
        "ok",
        "github_unavailable",
        "github_unavailable",
        "github_unavailable",
      ]);
      expect(sts.assumed).toHaveLength(1);
      for (const fault of faults) fault.remove();
      await bench.expectGolden();
    }),
  );
});

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
