import { describe, expect, test } from "vitest";
import type { ChallengeRequest } from "../../src/core/request.ts";
import { parsePublicKey, type PublicKey } from "../../src/core/recipient.ts";
import { LookAhead, LookAheadBudget } from "../../src/server/look-ahead.ts";
import { grantOf } from "../core/golden.ts";
import { openGitHub } from "./github/parts.ts";

describe("H-09: the share of GitHub's budget that challenges may use", () => {
  test("a burst, and then a fixed rate", () => {
    const clock = { now: 0 };
    const budget = new LookAheadBudget({ now: () => clock.now, burst: 8, perHour: 3_600 });
    expect([4, 4, 1].map((calls) => budget.take(calls))).toEqual([true, true, false]);
    clock.now += 3_999;
    expect(budget.take(4)).toBe(false);
    clock.now += 1;
    expect(budget.take(4)).toBe(true);
    expect(budget.take(1)).toBe(false);
  });

  test("fills no further than the burst", () => {
    const clock = { now: 0 };
    const budget = new LookAheadBudget({ now: () => clock.now, burst: 8, perHour: 3_600 });
    clock.now += 10_000_000;
    expect([8, 1].map((calls) => budget.take(calls))).toEqual([true, false]);
  });

  test("is a fifth of what GitHub says the hour has", () => {
    const clock = { now: 0 };
    const budget = new LookAheadBudget({ now: () => clock.now, burst: 1 });
    budget.take(1);
    budget.setHourlyLimit(18_000);
    clock.now += 999;
    expect(budget.take(1)).toBe(false);
    clock.now += 1;
    expect(budget.take(1)).toBe(true);
  });
});

describe("a challenge looks ahead", () => {
  const publicKey = parsePublicKey(
    "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef",
  ) as PublicKey;
  const request: ChallengeRequest = {
    repository: "acme/app",
    run_id: 5_001,
    run_attempt: 1,
    public_key: publicKey,
  };
  const policy = { grants: [grantOf()] };

  async function open(burst = 200) {
    const { github, facts, log } = await openGitHub();
    const golden = github.golden();
    const now = (): number => 1_000_000;
    const lookAhead = new LookAhead({
      github: facts,
      log,
      budget: new LookAheadBudget({ now, burst }),
      now,
    });
    const asked = (): string[] =>
      github.journal
        .map(({ path }) => path.replace(/\?.*/, "").replace("/repos/acme/app/", ""))
        .toSorted();
    return { github, golden, lookAhead, asked };
  }

  const run = "actions/runs/5001";
  const jobs = "actions/runs/5001/attempts/1/jobs";
  const refs = ["git/matching-refs/tags/main", "git/ref/heads/main"];
  const page = "/acme/app/actions/runs/5001/job/7001";

  test.each<[string, Partial<ChallengeRequest>]>([
    ["with all hints", { job: { id: 7_001 }, ref: "refs/heads/main" }],
    ["without the ref", { job: { id: 7_001 } }],
    ["by runner", { job: { runner_name: "GitHub Actions 12" }, ref: "refs/heads/main" }],
    ["with a ref that is another", { job: { name: "deploy" }, ref: "refs/heads/main" }],
  ])("%s: run, jobs, refs and page", async (_, hints) => {
    const { lookAhead, asked } = await open();
    lookAhead.begin({ ...request, ...hints }, policy);
    await expect.poll(asked).toEqual([page, jobs, run, ...refs].toSorted());
  });

  test("H-09: not for a repository that no grant names", async () => {
    const { lookAhead, asked, github } = await open();
    lookAhead.begin(
      { ...request, repository: "evil/app", job: { id: 7_001 }, ref: "refs/heads/main" },
      policy,
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(asked()).toEqual([]);
    expect(github.web.journal).toEqual([]);
  });

  test("H-09: ten thousand challenges make no more calls than the budget has", async () => {
    const { lookAhead, github } = await open(40);
    for (let id = 1; id <= 10_000; id++)
      lookAhead.begin({ ...request, run_id: id, job: { id }, ref: `refs/heads/b${id}` }, policy);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(github.api.journal.length).toBeGreaterThan(0);
    expect(github.api.journal.length).toBeLessThanOrEqual(40);
  });

  test("and whatever fails, no harm is done", async () => {
    const { lookAhead, github } = await open();
    github.api.fault({ status: 500 });
    github.web.fault({ reset: true });
    lookAhead.begin({ ...request, job: { id: 7_001 }, ref: "refs/heads/main" }, policy);
    lookAhead.begin({ ...request, job: { name: "none" }, ref: "nonsense" }, policy);
    await expect.poll(() => github.web.journal.length, { timeout: 5_000 }).toBe(3);
  });
});
