import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { ask, type Reply } from "./ask.ts";
import { sha, startWorld, type Golden, type World } from "./index.ts";

let world: World;
let golden: Golden;

beforeEach(async () => {
  world = await startWorld();
  golden = world.github.golden();
});
afterEach(() => world.close());

function rest(path: string, headers: Record<string, string> = {}): Promise<Reply> {
  return ask(world.github.apiUrl + path, {
    authorization: `Bearer ${world.github.token}`,
    ...headers,
  });
}

test("an answer is made from the state at the moment of the request", async () => {
  golden.run.headBranch = "other";
  golden.attempt.status = "completed";
  expect((await rest("/repos/acme/app/actions/runs/5001")).json).toMatchObject({
    head_branch: "other",
    status: "completed",
  });
});

test("a deleted fork has no head repository", async () => {
  golden.run.headRepository = null;
  expect((await rest("/repos/acme/app/actions/runs/5001")).json).toMatchObject({
    head_repository: null,
    repository: { id: 1_001 },
  });
});

test("names match in any case, ids exactly", async () => {
  expect((await rest("/repos/ACME/App/actions/runs/5001")).json).toMatchObject({
    repository: { full_name: "acme/app" },
  });
  expect((await rest("/repos/acme/app/actions/runs/05001x")).status).toBe(404);
});

test("ETags: 304 without a body is free, a changed answer is not", async () => {
  const first = await rest("/repos/acme/app/actions/runs/5001");
  const etag = first.headers.get("etag") ?? "";
  expect(etag).toMatch(/^W\/"[0-9a-f]{64}"$/);
  const again = await rest("/repos/acme/app/actions/runs/5001", { "if-none-match": etag });
  expect([again.status, again.text, again.headers.get("x-ratelimit-used")]).toEqual([304, "", "1"]);
  expect(world.github.restCost()).toBe(1);
  golden.attempt.status = "completed";
  expect((await rest("/repos/acme/app/actions/runs/5001", { "if-none-match": etag })).status).toBe(
    200,
  );
  expect(world.github.restCost()).toBe(2);
});

describe("jobs come in pages", () => {
  const path = "/repos/acme/app/actions/runs/5002/jobs";
  beforeEach(() => {
    world.github.matrix({ jobs: 130 });
  });

  test.each([
    ["", 30, "test (1)", ["next", "last"]],
    ["?per_page=100", 100, "test (1)", ["next", "last"]],
    ["?per_page=256", 100, "test (1)", ["next", "last"]],
    ["?per_page=100&page=2", 30, "test (101)", ["prev", "first"]],
    ["?page=3", 30, "test (61)", ["prev", "next", "last", "first"]],
    ["?page=9", 0, undefined, ["prev", "first"]],
  ])("%s", async (query, count, first, rels) => {
    const { json, headers } = await rest(path + query);
    const { total_count, jobs } = Object(json);
    expect([total_count, jobs.length, jobs[0]?.name]).toEqual([130, count, first]);
    expect([...(headers.get("link") ?? "").matchAll(/rel="(\w+)"/g)].map(([, rel]) => rel)).toEqual(
      rels,
    );
  });

  test("following the links gives every job once", async () => {
    const names = new Set<string>();
    for (let url: string | undefined = `${world.github.apiUrl}${path}`; url !== undefined;) {
      const { json, headers } = await ask(url, { authorization: `Bearer ${world.github.token}` });
      for (const job of Object(json).jobs) names.add(job.name);
      url = /<([^>]+)>; rel="next"/.exec(headers.get("link") ?? "")?.[1];
    }
    expect(names.size).toBe(130);
  });

  test("each has a runner, ids and steps of its own", () => {
    const jobs = world.github.runs[1]?.attempts[0]?.jobs ?? [];
    const ids = jobs.flatMap((job) => [job.id, job.internalId]);
    expect(new Set(ids).size).toBe(260);
    expect(new Set(jobs.map(({ runnerName }) => runnerName)).size).toBe(130);
    expect(new Set(jobs.flatMap(({ steps }) => steps.map(({ uuid }) => uuid))).size).toBe(260);
  });
});

test("a re-run keeps the run's id, raises the attempt and has new jobs", async () => {
  world.github.rerun(golden.run, { triggeringActor: { id: 7, login: "mallory", type: "User" } });
  const { json } = await rest("/repos/acme/app/actions/runs/5001");
  expect(json).toMatchObject({
    id: 5_001,
    run_attempt: 2,
    actor: { login: "octocat" },
    triggering_actor: { login: "mallory" },
    status: "in_progress",
  });
  expect((await rest("/repos/acme/app/actions/runs/5001/attempts/1")).json).toMatchObject({
    run_attempt: 1,
    status: "completed",
    conclusion: "cancelled",
  });
  expect((await rest("/repos/acme/app/actions/runs/5001/jobs")).json).toMatchObject({
    jobs: [{ id: 7_002, run_attempt: 2 }],
  });
  expect((await rest("/repos/acme/app/actions/runs/5001/attempts/1/jobs")).json).toMatchObject({
    jobs: [{ id: 7_001, run_attempt: 1 }],
  });
  expect((await rest("/repos/acme/app/actions/runs/5001/jobs?filter=all")).json).toMatchObject({
    jobs: [{ id: 7_001 }, { id: 7_002 }],
  });
});

test("a job's log is not there until the job is completed", async () => {
  const early = await rest("/repos/acme/app/actions/jobs/7001/logs");
  expect([early.status, Object(early.json).message]).toEqual([404, "BlobNotFound"]);
  world.github.say(golden.job, "assume role", "hello");
  world.github.completeJob(golden.job);
  const late = await rest("/repos/acme/app/actions/jobs/7001/logs");
  expect(late.status).toBe(302);
  const log = await ask(late.headers.get("location") ?? "");
  expect(log.text).toMatch(/^\uFEFF\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z hello\n$/);
});

test.each([
  ["heads/main", 200],
  ["heads/feature/x", 200],
  ["heads/feature%2Fx", 200],
  ["heads/mai", 404],
  ["heads/Main", 404],
  ["tags/main", 404],
  ["tags/v1", 200],
  ["main", 404],
])("git/ref/%s is exact: %i", async (ref, status) => {
  const { repository } = golden;
  repository.branches.set("feature/x", sha("1001 first"));
  repository.tags.set("v1", sha("1001 first"));
  expect((await rest(`/repos/acme/app/git/ref/${ref}`)).status).toBe(status);
});

test("matching-refs gives all that begin so, and an empty list when none does", async () => {
  golden.repository.branches.set("main-2", sha("1001 first"));
  expect((await rest("/repos/acme/app/git/matching-refs/heads/main")).json).toMatchObject([
    { ref: "refs/heads/main" },
    { ref: "refs/heads/main-2" },
  ]);
  expect((await rest("/repos/acme/app/git/matching-refs/tags/main")).json).toEqual([]);
});

test("an annotated tag points at its object, and the object at the commit", async () => {
  golden.repository.tags.set("v1", sha("object"));
  golden.repository.tagObjects.set(sha("object"), sha("1001 third"));
  expect((await rest("/repos/acme/app/git/ref/tags/v1")).json).toMatchObject({
    object: { type: "tag", sha: sha("object") },
  });
  expect((await rest(`/repos/acme/app/git/tags/${sha("object")}`)).json).toMatchObject({
    tag: "v1",
    object: { sha: sha("1001 third") },
  });
});

describe("compare", () => {
  test.each([
    ["main...main", "identical", 0, 0],
    ["old...main", "ahead", 2, 0],
    ["main...old", "behind", 0, 2],
    ["main...side", "diverged", 1, 2],
    [`${sha("1001 first")}...main`, "ahead", 2, 0],
  ])("%s: %s", async (basehead, status, ahead_by, behind_by) => {
    const { branches } = golden.repository;
    branches.set("old", sha("1001 first"));
    branches.set("side", sha("1001 first"));
    world.github.push(golden.repository, "side", "on the side");
    expect((await rest(`/repos/acme/app/compare/${basehead}`)).json).toMatchObject({
      status,
      ahead_by,
      behind_by,
      merge_base_commit: { sha: expect.any(String) },
    });
  });

  test("a fork's commit resolves through its parent; one without a common ancestor does not compare", async () => {
    const fork = world.github.addRepository({
      owner: "mallory",
      forkOf: golden.repository,
      branches: new Map([["main", sha("1001 third")]]),
    });
    const evil = world.github.push(fork, "main", "evil");
    expect((await rest(`/repos/acme/app/compare/main...${evil}`)).json).toMatchObject({
      status: "ahead",
      ahead_by: 1,
    });
    golden.repository.ancestry.set(sha("island"), []);
    expect((await rest(`/repos/acme/app/compare/main...${sha("island")}`)).status).toBe(404);
  });
});

test("a renamed repository moves permanently, until its old name is taken", async () => {
  world.github.rename(golden.repository, "shop");
  const { status, headers } = await rest("/repos/acme/app/actions/runs/5001?x=1");
  expect([status, headers.get("location")]).toEqual([
    301,
    `${world.github.apiUrl}/repositories/1001/actions/runs/5001?x=1`,
  ]);
  expect((await rest("/repositories/1001/actions/runs/5001")).json).toMatchObject({
    repository: { full_name: "acme/shop" },
  });
  world.github.addRepository({ id: 1_009 });
  expect((await rest("/repos/acme/app")).json).toMatchObject({ id: 1_009 });
});

describe("rate limits", () => {
  test("every answer says what is left, /rate_limit costs nothing", async () => {
    const { headers } = await rest("/repos/acme/app");
    const left = ["limit", "remaining", "used", "resource"].map((name) =>
      headers.get(`x-ratelimit-${name}`),
    );
    expect(left).toEqual(["5000", "4999", "1", "core"]);
    expect((await rest("/rate_limit")).json).toMatchObject({ rate: { remaining: 4_999 } });
  });

  test("used up: 403 until the reset", async () => {
    world.github.exhaust(600);
    const { status, headers, json } = await rest("/repos/acme/app");
    expect([status, headers.get("x-ratelimit-remaining")]).toEqual([403, "0"]);
    expect(Number(headers.get("x-ratelimit-reset")) * 1_000 - Date.now()).toBeGreaterThan(590_000);
    expect(json).toMatchObject({ message: expect.stringContaining("API rate limit exceeded") });
    world.github.budget.resetAt = Date.now() - 1;
    expect((await rest("/repos/acme/app")).status).toBe(200);
  });

  test.each([403, 429] as const)("secondary: %i with retry-after", async (status) => {
    world.github.secondaryLimit = { status, retryAfter: 30 };
    const reply = await rest("/repos/acme/app");
    expect([
      reply.status,
      reply.headers.get("retry-after"),
      reply.headers.get("x-ratelimit-remaining"),
    ]).toEqual([status, "30", "4999"]);
    expect(reply.json).toMatchObject({ message: expect.stringContaining("secondary rate limit") });
  });
});
