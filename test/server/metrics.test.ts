import { describe, expect, test } from "vitest";
import { ask } from "../world/ask.ts";
import { Operated } from "./operated.ts";

async function metrics(it: Operated): Promise<Map<string, number>> {
  const { text } = await it.get("/metrics");
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at).replace(/^actions2aws_/, ""), Number(line.slice(at + 1))];
    }),
  );
}

function credentials(it: Operated, repository: string, run = 1): Promise<{ status: number }> {
  const body = JSON.stringify({
    repository,
    run_id: run,
    run_attempt: 1,
    job: { id: 1 },
    role: "arn:aws:iam::123456789012:role/app-deploy",
    public_key: "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
    ticket: "c1.x",
  });
  const headers = { "content-type": "application/json" };
  return ask(`${it.broker.url}/v1/credentials`, headers, { method: "POST", body });
}

test("what the operator wants to know is counted", async () => {
  const it = await Operated.open();
  await it.get("/readyz");
  await (await it.client()).obtain();
  await credentials(it, "mallory/none");
  const seen = await metrics(it);
  expect(seen.get('decisions_total{decision="allowed",code="ok",grant="app-deploy"}')).toBe(1);
  expect(seen.get('decisions_total{decision="denied",code="no_grant",grant=""}')).toBe(1);
  for (const service of ["api", "web", "sts"]) {
    const name = `upstream_seconds_count{service="${service}",status="2xx"}`;
    expect([name, seen.get(name)]).toEqual([name, expect.any(Number)]);
  }
  expect(seen.get('http_request_seconds_count{route="/v1/credentials",status="2xx"}')).toBe(1);
  expect(seen.get('github_session{state="signed_in"}')).toBe(1);
  expect(seen.get('github_session{state="expired"}')).toBe(0);
  expect(seen.get("github_rate_limit")).toBe(5_000);
  expect(seen.get("github_rate_limit_remaining")).toBeLessThan(5_000);
  // Two records and one intent.
  expect(seen.get("audit_lag_seconds_count")).toBe(3);
  expect(seen.get('build_info{version="1.2.3",node="' + process.versions.node + '"}')).toBe(1);
  expect(seen.get("process_start_time_seconds")).toBeGreaterThan(0);
  const reply = await it.get("/metrics");
  expect(reply.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
});

describe("H-23", () => {
  test("1,000 repositories that nobody knows make no series of their own", async () => {
    const it = await Operated.open();
    await it.get("/readyz");
    const before = await metrics(it);
    for (let hundred = 0; hundred < 10; hundred++) {
      await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          Promise.all([
            credentials(it, `mallory-${hundred}/canary-${index}`, index + 1),
            ask(`${it.broker.url}/canary/${hundred}/${index}`),
          ]),
        ),
      );
    }
    const after = await metrics(it);
    expect([...after.keys()]).toEqual([...before.keys()]);
    expect([...after.keys()].join("\n")).not.toContain("canary");
  }, 60_000);

  test("the public listener shows nothing of it", async () => {
    const it = await Operated.open();
    for (const path of ["/metrics", "/healthz", "/readyz", "/decisions"]) {
      expect((await ask(it.broker.url + path)).status).toBe(404);
    }
    expect((await ask(it.broker.url)).headers.get("content-type")).not.toContain("html");
  });

  test("and without --admin-listen there is no such listener", async () => {
    const it = await Operated.open({ options: { adminListen: undefined } });
    expect(it.broker.adminUrl).toBeNull();
    await (await it.client()).obtain();
  });
});

test("what a limit turns away is counted, though it is no decision", async () => {
  const it = await Operated.open();
  it.configure([], (text) =>
    JSON.stringify({ ...(JSON.parse(text) as object), limits: { per_address: "1/h" } }),
  );
  await it.broker.reload();
  for (let times = 0; times < 3; times++) await credentials(it, "mallory/none");
  const seen = await metrics(it);
  expect(seen.get("rate_limited_total")).toBe(2);
  expect(seen.get('decisions_total{decision="denied",code="no_grant",grant=""}')).toBe(1);
});

test("trouble upstream shows in its class", async () => {
  const it = await Operated.open();
  it.world.github.api.fault({ match: /runs\/5001$/, status: 502, times: 1 });
  it.world.sts.fault({ match: /./, reset: true, times: 1 });
  await (await it.client()).attempt();
  const seen = await metrics(it);
  expect(seen.get('upstream_seconds_count{service="api",status="5xx"}')).toBe(1);
});
