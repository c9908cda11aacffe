import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { alone } from "../harness/alone.ts";
import type { Bench } from "../harness/bench.ts";
import type { Reply } from "../world/ask.ts";
import type { Fault } from "../world/index.ts";

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);
const dateIn = (seconds: number): string => new Date(Date.now() + seconds * 1_000).toUTCString();
const usedUp = (resetIn: number) => ({
  "x-ratelimit-limit": "5000",
  "x-ratelimit-remaining": "0",
  "x-ratelimit-reset": String(nowSeconds() + resetIn),
});
const secondary = '{"message":"You have exceeded a secondary rate limit."}';

/** What GitHub may say, and the seconds for which it then is to be left alone. */
interface Limit {
  readonly says: () => Fault;
  /** Where the simulated API has it of itself. */
  readonly exhausted?: number;
  readonly seconds: readonly [least: number, most: number];
}

const headers = (more: Record<string, string>) => ({ headers: more });
const limits: Record<string, Limit> = {
  "403, its hourly limit used up": {
    says: () => ({ status: 403, ...headers(usedUp(6)) }),
    exhausted: 6,
    seconds: [1, 7],
  },
  "403, used up until a moment that has passed": {
    says: () => ({ status: 403, ...headers(usedUp(-30)) }),
    seconds: [1, 1],
  },
  "403, used up for days": {
    says: () => ({ status: 403, ...headers(usedUp(300_000)) }),
    exhausted: 300_000,
    seconds: [3_590, 3_600],
  },
  "403 with Retry-After": {
    says: () => ({ status: 403, ...headers({ "retry-after": "2" }) }),
    seconds: [1, 2],
  },
  "403 that speaks of a secondary limit, and of no time": {
    says: () => ({ status: 403, body: secondary }),
    seconds: [50, 60],
  },
  "429 with Retry-After": {
    says: () => ({ status: 429, ...headers({ "retry-after": "2" }) }),
    seconds: [1, 2],
  },
  "429 with Retry-After as a date": {
    says: () => ({ status: 429, ...headers({ "retry-after": dateIn(3) }) }),
    seconds: [1, 3],
  },
  "429 with Retry-After of nothing": {
    says: () => ({ status: 429, ...headers({ "retry-after": "0" }) }),
    seconds: [1, 1],
  },
  "429 with Retry-After of eleven days": {
    says: () => ({ status: 429, ...headers({ "retry-after": "999999" }) }),
    seconds: [3_590, 3_600],
  },
  "429 without a word": { says: () => ({ status: 429 }), seconds: [50, 60] },
  "503 with Retry-After": {
    says: () => ({ status: 503, ...headers({ "retry-after": "4" }) }),
    seconds: [1, 4],
  },
};
const all = Object.entries(limits);
/** The simulated API would not say that. */
const api = all.filter(([what]) => !what.includes("has passed"));
/** A page's text may be anybody's, so of its body nothing counts. */
const web = all.filter(([what]) => !what.includes("speaks of"));

/** No call until the time is over, whoever asks; and all is served again after it, if that is soon. */
async function expectQuiet(
  bench: Bench,
  service: "api" | "web",
  { says, exhausted, seconds: [least, most] }: Limit,
): Promise<void> {
  const { github } = bench.world;
  const { journal } = github[service];
  const impose = (): (() => void) => {
    if (service === "web" || exhausted === undefined) {
      const fault = github[service].fault(says());
      return () => fault.remove();
    }
    github.exhaust(exhausted);
    return () => void (github.budget.used = 0);
  };
  const { job } = bench.newJob();
  const lift = impose();
  const reply = await (await bench.client(job)).attempt();
  lift();
  expect(reply).toMatchObject({ status: 503, json: { code: "github_rate_limited" } });
  const wait = Number(reply.headers.get("retry-after"));
  expect(wait).toBeGreaterThanOrEqual(least);
  expect(wait).toBeLessThanOrEqual(most);
  const asked = (of: RegExp) => journal.filter(({ path }) => of.test(path));
  const [first] = asked(new RegExp(`/runs/${job.run.id}`));
  const until = (first?.time ?? Infinity) + wait * 1_000;

  const soon = wait < 10;
  const end = performance.now() + (soon ? 15_000 : 500);
  let again: Reply;
  do {
    again = await (await bench.client()).attempt();
    await pause(100);
  } while (again.status !== 200 && performance.now() < end);
  expect(again).toMatchObject(
    soon ? { status: 200 } : { status: 503, json: { code: "github_rate_limited" } },
  );
  // What was on its way already is another matter: it was for the first run.
  const ofOthers = asked(new RegExp(`/runs/(?!${job.run.id})`));
  expect(ofOthers.filter(({ time }) => time < until)).toEqual([]);
  expect(bench.world.sts.issued).toHaveLength(soon ? 1 : 0);
}

describe.concurrent("GitHub wants to be left alone, and is, for as long as it says:", () => {
  test.for(api)("its API answers %s (F-03)", { timeout: 60_000 }, ([, limit]) =>
    alone((bench) => expectQuiet(bench, "api", limit))(),
  );

  test.for(web)("its web answers %s (F-03)", { timeout: 60_000 }, ([, limit]) =>
    alone((bench) => expectQuiet(bench, "web", limit))(),
  );
});
