import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { ask, type Reply } from "./ask.ts";
import { startWorld, type Golden, type World } from "./index.ts";

let world: World;
let golden: Golden;

beforeEach(async () => {
  world = await startWorld();
  golden = world.github.golden();
});
afterEach(() => world.close());

const run = "/repos/acme/app/actions/runs/5001";

function rest(path = run, headers: Record<string, string> = {}): Promise<Reply> {
  return ask(world.github.apiUrl + path, {
    authorization: `Bearer ${world.github.token}`,
    ...headers,
  });
}

describe("a fault", () => {
  test("strikes what it matches, as often as told, until it is removed", async () => {
    const handle = world.github.api.fault({ match: /\/runs\/5001$/, status: 500, times: 2 });
    const statuses = [];
    for (const path of [run, `${run}/jobs`, run, run]) statuses.push((await rest(path)).status);
    expect(statuses).toEqual([500, 200, 500, 200]);
    expect(handle.used).toBe(2);
    const other = world.github.api.fault({
      match: ({ headers }) => headers["x-test"] === "1",
      status: 503,
    });
    expect((await rest(run, { "x-test": "1" })).status).toBe(503);
    other.remove();
    expect((await rest(run, { "x-test": "1" })).status).toBe(200);
  });

  test("with a status speaks as the service does", async () => {
    world.github.api.fault({ status: 502 });
    world.sts.fault({ status: 503 });
    expect((await rest()).json).toMatchObject({ message: "Server Error", status: "502" });
    expect((await ask(world.sts.url)).text).toContain("<Code>ServiceUnavailable</Code>");
  });

  test("may change headers and body alone", async () => {
    world.github.api.fault({ headers: { "x-more": "1" }, body: "{}" });
    const { status, headers, text } = await rest();
    expect([status, headers.get("x-more"), text]).toEqual([200, "1", "{}"]);
  });

  test("redirects", async () => {
    world.github.api.fault({ redirect: "http://evil.example/", status: 307 });
    const { status, headers } = await rest();
    expect([status, headers.get("location")]).toEqual([307, "http://evil.example/"]);
  });

  test("cuts the connection, at once or in the middle of the body", async () => {
    world.github.api.fault({ reset: true, times: 1 });
    await expect(rest()).rejects.toThrow("fetch failed");
    expect(world.github.journal).toMatchObject([{ status: 0, cost: 1 }]);
    world.github.api.fault({ truncate: true, times: 1 });
    await expect(rest()).rejects.toThrow("terminated");
    expect((await rest()).status).toBe(200);
  });

  test("delays, trickles, or hangs until it is removed", async () => {
    const timed = async (): Promise<number> => {
      const start = performance.now();
      await rest("/rate_limit");
      return performance.now() - start;
    };
    world.github.api.fault({ delay: 60, times: 1 });
    expect(await timed()).toBeGreaterThan(55);
    world.github.api.fault({ body: "1234567890", trickle: 5, times: 1 });
    expect(await timed()).toBeGreaterThan(45);
    const hang = world.github.api.fault({ hang: true, times: 1 });
    const hanging = rest();
    const first = await Promise.race([
      hanging,
      new Promise((resolve) => setTimeout(resolve, 50, "still hanging")),
    ]);
    expect(first).toBe("still hanging");
    hang.remove();
    expect((await hanging).status).toBe(200);
  });

  test("sends a body that unpacks to far more than it was", async () => {
    world.github.api.fault({ gzipBomb: 5_000_000 });
    expect((await rest()).text).toHaveLength(5_000_000);
  });

  test("does not keep the world from closing", async () => {
    world.github.api.fault({ hang: true });
    const hanging = rest().catch((error: unknown) => error);
    await expect.poll(() => world.github.journal).toHaveLength(1);
    await world.close();
    expect(await hanging).toBeInstanceOf(TypeError);
  });
});

test("a transform changes one field of one answer, and its ETag with it", async () => {
  const before = (await rest()).headers.get("etag") ?? "";
  const handle = world.github.api.transform(
    (body) => {
      body["head_sha"] = null;
    },
    { match: /\/runs\/5001$/ },
  );
  const changed = await rest(run, { "if-none-match": before });
  expect([changed.status, Object(changed.json).head_sha]).toEqual([200, null]);
  expect(golden.run.headSha).toMatch(/^[0-9a-f]{40}$/);
  handle.remove();
  expect((await rest(run, { "if-none-match": before })).status).toBe(304);
  world.github.api.transform<unknown[]>((refs) => refs.slice(1), {
    match: /matching-refs/,
    times: 1,
  });
  expect((await rest("/repos/acme/app/git/matching-refs/heads/main")).json).toEqual([]);
});

describe("a barrier holds an answer until it is released", () => {
  test.each([
    [false, "in_progress"],
    [true, "completed"],
  ])("late: %j gives the state as %s", async (late, status) => {
    const barrier = world.github.api.barrier(/\/runs\/5001$/, { late });
    let answered = false;
    const held = rest().finally(() => (answered = true));
    expect((await barrier.arrived).path).toBe(run);
    expect((await rest(`${run}/jobs`)).status).toBe(200);
    golden.attempt.status = "completed";
    expect(answered).toBe(false);
    barrier.release();
    expect((await held).json).toMatchObject({ status });
    expect((await rest()).status).toBe(200);
  });
});

test("latency is settable while running, for each service", async () => {
  world.sts.latency = 60;
  const start = performance.now();
  await rest();
  const fast = performance.now() - start;
  await ask(world.sts.url);
  expect(performance.now() - start - fast).toBeGreaterThan(55);
});

test("the journal tells what came, in order over all three origins, and what it cost", async () => {
  const { github } = world;
  github.completeStep(golden.job, "assume role");
  await rest(`${run}?x=%2e%2e`);
  const { headers } = await ask(
    `${github.webUrl}/acme/app/commit/${golden.run.headSha}/checks/7001/logs/2`,
    { cookie: `user_session=${github.session.cookie}` },
  );
  await ask(headers.get("location") ?? "");
  expect(
    github.journal.map(({ service, method, path, status, cost }) => [
      service,
      method,
      path.replace(/\?se=.*/, ""),
      status,
      cost,
    ]),
  ).toEqual([
    ["api", "GET", `${run}?x=%2e%2e`, 200, 1],
    ["web", "GET", `/acme/app/commit/${golden.run.headSha}/checks/7001/logs/2`, 302, 0],
    ["storage", "GET", `/logs/${golden.job.internalId}/step-2.txt`, 200, 0],
  ]);
  expect(github.journal[0]?.headers.authorization).toBe(`Bearer ${github.token}`);
  expect(github.journal[2]?.headers.cookie).toBeUndefined();
  expect(github.restCost()).toBe(1);
  github.clearJournal();
  expect([github.journal, github.restCost()]).toEqual([[], 0]);
});
