import { describe, expect, test } from "vitest";
import { code } from "../../core/golden.ts";
import { openGitHub } from "./parts.ts";

const route = "GET /repos/{owner}/{repo}/actions/runs/{run_id}";
const parameters = { owner: "acme", repo: "app", run_id: 5_001 };

async function open(options = {}) {
  const parts = await openGitHub(options);
  const { rest, clock, github } = parts;
  const golden = github.golden();
  /** Asks for answers no older than so many milliseconds. */
  const ask = (maxAge = 0): ReturnType<typeof rest.get> =>
    rest.get(route, parameters, clock.now - maxAge);
  return { ...parts, golden, ask, calls: () => github.api.journal.length };
}

describe("an answer is kept with its time", () => {
  test("and serves who takes one as old as that", async () => {
    const { clock, ask, calls } = await open();
    const first = await ask();
    expect(first).toMatchObject({ at: clock.now, value: { json: { id: 5_001 } } });
    clock.now += 1_000;
    expect(await ask(1_000)).toBe(first);
    expect(calls()).toBe(1);
  });

  test("who wants a newer one gets a new one; unchanged, it costs nothing", async () => {
    const { clock, ask, calls, github } = await open();
    const first = await ask();
    clock.now += 1_000;
    const second = await ask(999);
    expect(second).toMatchObject({ at: clock.now, value: first.value });
    expect(github.api.journal.map(({ status, cost }) => [status, cost])).toEqual([
      [200, 1],
      [304, 0],
    ]);
    expect(calls()).toBe(2);
  });

  test("changed, it is the new one that counts", async () => {
    const { clock, ask, golden } = await open();
    await ask();
    golden.attempt.status = "completed";
    clock.now += 1;
    expect(await ask()).toMatchObject({ value: { json: { status: "completed" } } });
  });

  test("the time is that of the question, not of the answer", async () => {
    const { clock, ask, github } = await open();
    const barrier = github.api.barrier(/runs\/5001/);
    const asked = ask();
    await barrier.arrived;
    clock.now += 5_000;
    barrier.release();
    expect((await asked).at).toBe(clock.now - 5_000);
    // So it is too old for who takes four seconds.
    expect((await ask(4_000)).at).toBe(clock.now);
  });
});

describe("who asks the same at the same time shares one call", () => {
  test("a hundred at once", async () => {
    const { ask, calls } = await open();
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask()));
    expect(new Set(answers).size).toBe(1);
    expect(calls()).toBe(1);
  });

  test("but not with a call that began too early", async () => {
    const { clock, ask, github, golden, calls } = await open();
    const barrier = github.api.barrier(/runs\/5001/);
    const early = ask();
    await barrier.arrived;
    golden.attempt.status = "completed";
    clock.now += 1_000;
    const late = await ask();
    expect(late).toMatchObject({ at: clock.now, value: { json: { status: "completed" } } });
    barrier.release();
    expect(await early).toMatchObject({ value: { json: { status: "in_progress" } } });
    // The early one came last, and is not what is kept.
    expect(await ask(1_000)).toMatchObject({ value: { json: { status: "completed" } } });
    expect(calls()).toBe(2);
  });

  test("and a failure is shared, and not kept", async () => {
    const { ask, calls, github } = await open();
    const fault = github.api.fault({ status: 401 });
    const failed = await Promise.allSettled([ask(), ask()]);
    expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(calls()).toBe(1);
    fault.remove();
    expect(await ask()).toMatchObject({ value: { json: { id: 5_001 } } });
  });

  test("H-11: repositories, runs and attempts are never mixed", async () => {
    const { rest, github, clock } = await open();
    const other = github.addRepository({ name: "other" });
    github.addRun(other, { id: 5_001, headSha: "f".repeat(40) });
    const [mine, theirs] = await Promise.all([
      rest.get(route, parameters, clock.now),
      rest.get(route, { ...parameters, repo: "other" }, clock.now),
    ]);
    expect(mine.value).toMatchObject({ json: { repository: { full_name: "acme/app" } } });
    expect(theirs.value).toMatchObject({ json: { repository: { full_name: "acme/other" } } });
  });
});

describe("H-02: any other answer is no answer", () => {
  test.each([201, 202, 204, 206, 400, 401, 403, 410, 418, 422, 451, 500, 501, 503])(
    "%d",
    async (status) => {
      const { ask, github } = await open();
      const fault = github.api.fault({ status });
      await expect(ask()).rejects.toThrow(code("github_unavailable"));
      fault.remove();
      expect(await ask()).toMatchObject({ value: { json: { id: 5_001 } } });
    },
  );

  test("304 to who has nothing", async () => {
    const { ask, github } = await open();
    github.api.fault({ status: 304 });
    await expect(ask()).rejects.toThrow(code("no_grant"));
  });

  test.each([
    ["a page", { body: "<html></html>" }],
    ["half of JSON", { body: '{"id": 5001' }],
    ["nothing", { body: "" }],
    ["a body cut off", { truncate: true }],
    ["a reset", { reset: true }],
    ["a gzip bomb", { gzipBomb: 50_000_000 }],
    ["too much", { body: " ".repeat(17 * 2 ** 20) }],
  ])("%s", async (_, fault) => {
    const { ask, github } = await open();
    github.api.fault(fault);
    await expect(ask()).rejects.toThrow(code("github_unavailable"));
  });

  test("404 is an answer: there is none", async () => {
    const { rest, clock } = await open();
    expect(await rest.get(route, { ...parameters, run_id: 1 }, clock.now)).toEqual(
      expect.objectContaining({ value: null }),
    );
  });

  test("after an outage the answer of before still has its ETag", async () => {
    const { ask, github, clock } = await open();
    await ask();
    const fault = github.api.fault({ status: 500 });
    clock.now += 1;
    await expect(ask()).rejects.toThrow(code("github_unavailable"));
    fault.remove();
    await ask();
    expect(github.api.journal.at(-1)?.status).toBe(304);
  });
});

describe("G-14, F-01: a redirect is not followed", () => {
  test("of a renamed repository", async () => {
    const { ask, github, golden, calls } = await open();
    github.rename(golden.repository, "renamed");
    await expect(ask()).rejects.toThrow(code("no_grant", { fields: ["repository"] }));
    expect(calls()).toBe(1);
  });

  test.each([301, 302, 307, 308])("to another host, with %d", async (status) => {
    const { ask, github } = await open();
    github.api.fault({ status, redirect: `${github.storageUrl}/repos/acme/app/actions/runs/5001` });
    await expect(ask()).rejects.toThrow(code("no_grant"));
    expect(github.storage.journal).toEqual([]);
  });
});

describe("F-03: a rate limit is obeyed", () => {
  test.each([
    [
      "the hour's budget",
      (github: Awaited<ReturnType<typeof open>>["github"]) => github.exhaust(600),
      600,
    ],
    [
      "a secondary limit with 403",
      (github: Awaited<ReturnType<typeof open>>["github"]) => {
        github.secondaryLimit = { status: 403, retryAfter: 60 };
      },
      60,
    ],
    [
      "a secondary limit with 429",
      (github: Awaited<ReturnType<typeof open>>["github"]) => {
        github.secondaryLimit = { status: 429, retryAfter: 30 };
      },
      30,
    ],
  ])("%s: no call is made until it is over", async (_, limit, seconds) => {
    const { ask, github, clock, calls } = await open();
    limit(github);
    await expect(ask()).rejects.toThrow(
      code("github_rate_limited", { retryAfter: expect.closeTo(seconds, -1) }),
    );
    const paused = calls();
    expect(paused).toBe(1);
    clock.now += (seconds - 1) * 1_000;
    await expect(ask()).rejects.toThrow(
      code("github_rate_limited", { retryAfter: expect.closeTo(1, -1) }),
    );
    expect(calls()).toBe(paused);
    github.secondaryLimit = null;
    github.budget.used = 0;
    clock.now += 2_000;
    expect(await ask()).toMatchObject({ value: { json: { id: 5_001 } } });
  });

  test("an answer that is there still serves who takes it", async () => {
    const { ask, github, clock } = await open();
    const first = await ask();
    clock.now += 1_000;
    github.exhaust();
    await expect(ask()).rejects.toThrow(code("github_rate_limited"));
    expect(await ask(1_000)).toBe(first);
  });

  test.each([
    [
      "403 without a word of it",
      { status: 403, body: '{"message":"Resource not accessible"}' },
      "github_unavailable",
    ],
    [
      "403 that speaks of it",
      { status: 403, body: '{"message":"You have exceeded a secondary rate limit."}' },
      "github_rate_limited",
    ],
    ["429 without headers", { status: 429, body: "{}" }, "github_rate_limited"],
  ] as const)("%s", async (_, fault, expected) => {
    const { ask, github } = await open();
    github.api.fault(fault);
    await expect(ask()).rejects.toThrow(code(expected));
  });

  test("the budget that GitHub tells is passed on", async () => {
    const told: unknown[][] = [];
    const { ask } = await open({ onBudget: (...all: unknown[]) => told.push(all) });
    await ask();
    expect(told).toEqual([["", 4_999, 5_000]]);
  });
});

test("T5: the token goes to the API and nowhere else, and each call names its version", async () => {
  const { ask, github } = await open();
  await ask();
  expect(github.api.journal[0]?.headers).toMatchObject({
    authorization: `Bearer ${github.token}`,
    "x-github-api-version": "2022-11-28",
    "user-agent": expect.stringContaining("actions2aws"),
  });
});
