import { PassThrough } from "node:stream";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { Secret } from "../../src/core/secret.ts";
import { parseConfig } from "../../src/server/config.ts";
import { openGitHub } from "../../src/server/github/access.ts";
import { Health, type HealthParts } from "../../src/server/health.ts";
import { Network } from "../../src/server/network.ts";
import { silent } from "../../src/server/telemetry.ts";
import { configuration, type Grant, grantLike } from "../harness/config.ts";
import { startWorld, type World } from "../world/index.ts";
import { Operated } from "./operated.ts";

const minute = 60_000;

/** The broker's health on a clock that a test moves. */
async function open({
  grants = [],
  world = undefined as World | undefined,
}: { grants?: readonly Grant[]; world?: World } = {}) {
  const clock = { now: 1_000_000, wall: () => clock.now, steady: () => clock.now };
  const used = world ?? (await startWorld());
  const { github } = used;
  github.golden();
  const network = new Network({ random: () => 0 });
  onTestFinished(async () => {
    await network.close();
    await used.close();
  });
  const config = parseConfig(configuration(used, "/dev/null", grants));
  const access = () =>
    openGitHub(
      config,
      {
        api: { kind: "token", token: new Secret(github.token) },
        session: new Secret(github.session.cookie),
        signingKey: null,
        previousSigningKey: null,
        fingerprint: new Secret("x"),
      },
      { network, clock, onBudget: () => undefined },
    );
  const edition = { engine: { github: access() }, rules: { policy: config.policy, hash: "" } };
  const output = new PassThrough();
  const sessions: string[] = [];
  const state = { audit: true, store: true };
  const parts = {
    edition: () => edition,
    audit: () => state.audit,
    store: { check: () => (state.store ? Promise.resolve() : Promise.reject(new Error("down"))) },
    clock,
    logger: pino({ base: null }, output),
    telemetry: { ...silent, session: (is: string) => sessions.push(is) },
  };
  const health = new Health(parts as unknown as HealthParts);
  let text = "";
  const log = (): Record<string, unknown>[] => {
    text += String(output.read() ?? "");
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  const replace = (): void => {
    edition.engine = { github: access() };
  };
  return { world: used, github, clock, health, log, sessions, state, replace };
}

test("all is well: token and session were really used, and nothing is logged", async () => {
  const { health, github, log, sessions } = await open();
  expect(await health.report()).toMatchObject({
    ready: true,
    checks: {
      github_api: { ok: true, state: "accepted" },
      github_session: { ok: true, state: "signed_in" },
      audit: { ok: true },
      store: { ok: true },
    },
  });
  expect(github.journal.map(({ service, path }) => `${service} ${path}`).toSorted()).toEqual([
    "api /rate_limit",
    "web /settings/profile",
  ]);
  expect(github.restCost()).toBe(0);
  expect(sessions).toEqual(["signed_in"]);
  expect(log()).toEqual([]);
});

test("however many ask, GitHub is asked at most once a minute", async () => {
  const { health, github, clock } = await open();
  await Promise.all(Array.from({ length: 100 }, () => health.report()));
  clock.now += minute - 1;
  await health.report();
  expect(github.journal).toHaveLength(2);
  clock.now += 1;
  await Promise.all(Array.from({ length: 100 }, () => health.report()));
  expect(github.journal).toHaveLength(4);
});

test("failures are not tried more often", async () => {
  const { health, github, clock } = await open();
  github.web.fault({ match: /./, status: 404 });
  github.api.fault({ match: /./, status: 401 });
  for (let second = 0; second < 60; second++) {
    await health.report();
    clock.now += 999;
  }
  expect(github.journal).toHaveLength(2);
});

test("other credentials are tried at once", async () => {
  const { health, github, replace } = await open();
  await health.report();
  replace();
  await health.report();
  expect(github.journal).toHaveLength(4);
});

describe("F-02: a session that has ended", () => {
  test.each(["redirect", "sign-in-page", "not-found"] as const)("by %s", async (ends) => {
    const { health, github, clock, log, sessions } = await open();
    await health.report();
    github.session.state = ends;
    for (let times = 0; times < 3; times++) {
      clock.now += minute;
      expect(await health.report()).toMatchObject({
        ready: false,
        checks: { github_session: { ok: false, state: "expired" }, github_api: { ok: true } },
      });
    }
    // Once, when it changed.
    expect(log()).toMatchObject([{ level: 40, check: "github_session", state: "expired" }]);
    github.session.state = "signed-in";
    clock.now += minute;
    expect(await health.report()).toMatchObject({ ready: true });
    expect(log().at(-1)).toMatchObject({ level: 30, check: "github_session", msg: "well again" });
    expect(sessions).toEqual(["signed_in", "expired", "expired", "expired", "signed_in"]);
  });
});

describe("trouble is told for what it is", () => {
  test.each([
    ["a token that is revoked", "api", { status: 401 }, "github_api", "refused", false],
    ["an API in trouble", "api", { status: 503 }, "github_api", "unreachable", false],
    ["an API that cuts the wire", "api", { reset: true }, "github_api", "unreachable", false],
    ["a server without rate limits", "api", { status: 404 }, "github_api", "accepted", true],
    ["a web in trouble", "web", { status: 500 }, "github_session", "unreachable", false],
    [
      "a web that asks to slow down",
      "web",
      { status: 429 },
      "github_session",
      "unreachable",
      false,
    ],
    ["a page that has moved", "web", { status: 404 }, "github_session", "unknown", true],
    [
      "a page that has moved elsewhere",
      "web",
      { redirect: "https://github.com/elsewhere" },
      "github_session",
      "unknown",
      true,
    ],
  ] as const)("%s", async (_, service, fault, check, state, ready) => {
    const { health, github } = await open();
    github[service].fault({ match: /./, ...fault });
    const report = await health.report();
    expect(report.ready).toBe(ready);
    expect(report.checks[check]).toMatchObject({ ok: ready, state });
    expect(JSON.stringify(report)).not.toMatch(/canary|127\.0\.0\.1/);
  });

  test("records that can't be written, and a store that does not answer", async () => {
    const { health, state } = await open();
    state.audit = false;
    expect(await health.report()).toMatchObject({ ready: false, checks: { audit: { ok: false } } });
    Object.assign(state, { audit: true, store: false });
    expect(await health.report()).toMatchObject({ ready: false, checks: { store: { ok: false } } });
    state.store = true;
    expect(await health.report()).toMatchObject({ ready: true });
  });
});

test("F-19: a token that can do more than read is told of once", async () => {
  const { health, github, clock, log } = await open();
  github.api.fault({ match: /./, headers: { "x-oauth-scopes": "repo, read:org, workflow" } });
  for (let times = 0; times < 2; times++) {
    await health.report();
    clock.now += minute;
  }
  expect(log()).toMatchObject([{ level: 40, scopes: ["repo", "workflow"] }]);
});

describe("on the admin listener", () => {
  test("/healthz says that the process lives, whatever is wrong with the rest", async () => {
    const it = await Operated.open({
      before: ({ github }) => {
        github.session.state = "redirect";
      },
    });
    expect(await it.get("/healthz")).toMatchObject({ status: 200, json: { alive: true } });
    const ready = await it.get("/readyz");
    expect(ready).toMatchObject({
      status: 503,
      json: { ready: false, checks: { github_session: { state: "expired" } } },
    });
    expect(ready.headers.get("cache-control")).toBe("no-store");
    // Nobody has been turned away yet, and the operator knows already.
    expect(it.log).toContainEqual(
      expect.objectContaining({ level: 40, check: "github_session", state: "expired" }),
    );
  });

  test("/readyz tries the App for each owner that a grant names", async () => {
    const it = await Operated.open({
      environment: { GITHUB_TOKEN: undefined },
      grants: [grantLike("beta", { repository: "beta/app", repository_id: undefined })],
      before: ({ github }) => {
        const { privateKey } = github.installApp("acme");
        return { GITHUB_APP_ID: "2001", GITHUB_APP_PRIVATE_KEY: privateKey };
      },
    });
    expect(await it.get("/readyz")).toMatchObject({
      status: 503,
      json: { checks: { github_api: { problem: "the GitHub App is not installed for beta" } } },
    });
  });
});
