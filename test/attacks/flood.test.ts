import { randomBytes, randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Bench, type BenchOptions } from "../harness/bench.ts";
import type { Client } from "../harness/client.ts";
import { grantLike, roleOf, wideLimits } from "../harness/config.ts";
import { residentMiB } from "../harness/connection.ts";
import { type Drop, flood, honestTimes, median, seriesOf, slowWorld } from "../harness/flood.ts";
import { type Fields, goodRequest } from "../harness/requests.ts";
import { signingKey as issuersKey } from "../world/issuer/keys.ts";

// H-09. Each number is a bound that ARCHITECTURE.md states, or follows from one.

/** Calls of GitHub that strangers can have made, at once and before any hour has refilled them. */
const lookAheadCalls = 200;
/** What one honest job costs at most. */
const goldenCalls = 15;
/** Mebibytes by which a flood may make the broker grow, whatever it holds. */
const growth = 96;
/** Milliseconds that a job may take in any case: its client gives itself a minute. */
const anyway = 3_000;

const publicUrl = "https://broker.example.com";

/** Thousands of decisions are too many to compare each with its record, as other tests do. */
function flooded(
  act: (bench: Bench) => Promise<void>,
  { settings = {}, ...options }: BenchOptions = {},
): () => Promise<void> {
  return async () => {
    const bench = await Bench.start({
      attacks: true,
      tokens: true,
      settings: { public_url: publicUrl, ...settings },
      grants: [grantLike("by-token", { proof: "either", job: undefined })],
      ...options,
    });
    try {
      bench.begin();
      await act(bench);
      bench.expectSecretsKept();
      expect(bench.broker.running).toBe(true);
    } finally {
      await bench.stop();
    }
  };
}

const someRun = () => ({ run_id: randomInt(10_000, 2 ** 47) });
const someRepository = () => ({ repository: `evil/app-${randomInt(1_000_000)}` });
const someTicket = () =>
  `c1.${(Date.now() + 60_000).toString(36)}.nonce.${randomBytes(32).toString("base64url")}.${"x".repeat(22)}`;
/** A header that a stranger writes; no proxy is trusted. */
const someAddress = () => ({ "x-forwarded-for": `198.51.${randomInt(256)}.${randomInt(256)}` });

/** What strangers can send, of all kinds; `good` is a request of a job's, whose ticket they do not have. */
function strangers(client: Client, good: Fields): readonly (() => Drop)[] {
  const { ticket: _ticket, ...stranger } = good;
  const ask = (more: object): Drop => ({
    path: "/v1/credentials",
    body: { ...stranger, ticket: someTicket(), ...more },
    headers: someAddress(),
  });
  const { role: _role, ...who } = stranger;
  // Rightly signed, by a key that is not the issuer's.
  const token = client.token(publicUrl, {}, { key: issuersKey(1) });
  const byToken = { ticket: undefined, role: roleOf("by-token"), oidc_token: token };
  return [
    () => ask(someRepository()),
    () => ask(someRun()),
    () => ask({ role: roleOf(`role-${randomInt(1_000_000)}`) }),
    () => ask(byToken),
    () => ask({ ...byToken, oidc_token: `${token.slice(0, -8)}AAAAAAAA` }),
    () => ({ path: "/v1/credentials", body: `{"nonsense":"${randomInt(1_000_000)}"}` }),
    () => ({ path: "/v1/challenges", body: { ...who, ...someRun() } }),
    () => ({ path: "/v1/challenges", body: { ...who, ...someRepository() } }),
    () => ({ path: "/v1/renewals", body: { renewal_token: `r1.${someTicket()}` } }),
    () => ({ path: `/${randomInt(1_000_000)}`, body: {} }),
  ];
}

test(
  "ten thousand requests of strangers cost next to no calls, make nothing grow, and a job in their midst has its role in its usual time (H-09, H-10, H-23)",
  { timeout: 240_000 },
  flooded(async (bench) => {
    slowWorld(bench);
    await bench.expectGolden();
    const normal = median(await honestTimes(bench, 3));
    const { client, fields } = await goodRequest(bench);
    const kinds = strangers(client, fields);
    const anyKind = (count: number): Drop =>
      kinds[count % kinds.length]?.() ?? expect.unreachable();
    await flood(bench, anyKind, { requests: 200 }).over;
    const [memory, series] = [residentMiB(bench.broker.pid), await seriesOf(bench)];
    bench.begin();
    const began = performance.now();
    const beside = honestTimes(bench, 5);
    const { answers, over } = flood(bench, anyKind, { requests: 10_000, beside });
    const times = await beside;
    await over;
    const seconds = (performance.now() - began) / 1_000;
    expect(median(times)).toBeLessThan(Math.max(3 * normal, anyway));
    expect(answers.get("rate_limited")).toBeGreaterThan(2_000);
    expect([...answers.keys()].toSorted()).toEqual([
      "201",
      "challenge_invalid",
      "invalid_request",
      "no_grant",
      "not_found",
      "oidc_invalid",
      "rate_limited",
      "renewal_invalid",
      "role_not_granted",
    ]);
    const { github, issuer, sts } = bench.world;
    expect(github.restCost()).toBeLessThan(lookAheadCalls + times.length * goldenCalls);
    // For keys that it does not have, the issuer is asked once in ten seconds.
    expect(issuer.journal.length).toBeLessThan(3 + seconds / 10);
    expect(sts.issued).toHaveLength(times.length);
    expect(await seriesOf(bench)).toBe(series);
    expect(residentMiB(bench.broker.pid) - memory).toBeLessThan(growth);
  }),
);

describe("without any limit on addresses", () => {
  test(
    "ten thousand requests, or as many as there is time for, for repositories and roles that no grant speaks of cost no call at all, and are no label of any metric (H-09, H-23)",
    { timeout: 120_000 },
    flooded(
      async (bench) => {
        const { client, fields } = await goodRequest(bench);
        const [repository, , role] = strangers(client, fields);
        const drop = (count: number): Drop =>
          (count % 4 === 0 ? role?.() : repository?.()) ?? expect.unreachable();
        await flood(bench, drop, { requests: 40 }).over;
        const series = await seriesOf(bench);
        const { answers, over } = flood(bench, drop, { requests: 10_000, milliseconds: 4_000 });
        await over;
        expect([...answers.keys()].toSorted()).toEqual(["no_grant", "role_not_granted"]);
        expect(answers.get("no_grant")).toBeGreaterThan(200);
        expect(bench.asked).toEqual([]);
        expect(await seriesOf(bench)).toBe(series);
        await bench.expectGolden();
      },
      { settings: wideLimits },
    ),
  );

  test(
    "twenty thousand challenges, or as many as there is time for, are kept nowhere (H-25)",
    { timeout: 120_000 },
    flooded(
      async (bench) => {
        const { client } = await goodRequest(bench);
        const drop = (): Drop => ({
          path: "/v1/challenges",
          body: { ...client.who, ...someRun() },
        });
        await flood(bench, drop, { requests: 1_000 }).over;
        const memory = residentMiB(bench.broker.pid);
        const { answers, over } = flood(bench, drop, { requests: 20_000, milliseconds: 4_000 });
        await over;
        expect([...answers.keys()]).toEqual(["201"]);
        expect(answers.get("201")).toBeGreaterThan(500);
        expect(residentMiB(bench.broker.pid) - memory).toBeLessThan(growth);
        expect(bench.world.github.journal.length).toBeLessThanOrEqual(2 * lookAheadCalls);
        expect(bench.world.github.restCost()).toBeLessThanOrEqual(lookAheadCalls);
        await bench.expectGolden();
      },
      { settings: wideLimits },
    ),
  );
});
