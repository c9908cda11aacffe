import { randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";
import { alone } from "../harness/alone.ts";
import type { Bench } from "../harness/bench.ts";
import { signingKey } from "../harness/broker.ts";
import { madeBy } from "../harness/challenges.ts";
import { exchange, requestText, residentMiB } from "../harness/connection.ts";
import { type Drop, flood } from "../harness/flood.ts";
import { codeOf, goodRequest } from "../harness/requests.ts";
import type { Job } from "../world/index.ts";

type Run = Job["run"];

/** Calls that may be made for runs that come to nothing, and for challenges, at once. */
const vainCalls = 600;
const lookAheadCalls = 200;
/** And for lists of runs in progress, with what a few honest jobs cost. */
const listCalls = 60;

const someIPv4 = (): string => [198, randomInt(256), randomInt(256), randomInt(256)].join(".");
const someIPv6 = (network: string): string =>
  `${network}:${Array.from({ length: 4 }, () => randomInt(65_536).toString(16)).join(":")}`;

/** How many of twenty requests with these headers get past a limit of five. */
async function admitted(
  bench: Bench,
  headersOf: (count: number) => Record<string, string>,
): Promise<number> {
  const replies = await Promise.all(
    Array.from({ length: 20 }, (_, count) =>
      bench.ask(
        "/v1/credentials",
        { "content-type": "application/json", ...headersOf(count) },
        { method: "POST", body: "{}" },
      ),
    ),
  );
  const codes = replies.map(codeOf);
  const others = codes.filter((code) => code !== "invalid_request" && code !== "rate_limited");
  expect(others).toEqual([]);
  return codes.filter((code) => code === "invalid_request").length;
}

const limits = { per_address: "5/h" };
type HeadersOf = (count: number) => Record<string, string>;
const by = (forwardedFor: (count: number) => string): HeadersOf => {
  return (count) => ({ "x-forwarded-for": forwardedFor(count) });
};

describe.concurrent("whose request it is, a stranger does not choose (H-10):", () => {
  test(
    "without a trusted proxy no header says it",
    alone(
      async (bench) => {
        const headersOf = (count: number): Record<string, string> => ({
          "x-forwarded-for": count % 2 ? someIPv4() : `${someIPv4()}, ${someIPv4()}`,
          "x-real-ip": someIPv4(),
          forwarded: `for=${someIPv4()}`,
          "true-client-ip": someIPv4(),
        });
        expect(await admitted(bench, headersOf)).toBe(5);
        const addresses = bench.records.map(({ client_address: address }) => address);
        expect(new Set(addresses)).toEqual(new Set(["127.0.0.1"]));
        await bench.expectGolden();
      },
      { attacks: true, settings: { limits } },
    ),
  );

  test(
    "behind one it is the last address that is not a proxy's, however that is spelt",
    alone(
      async (bench) => {
        const spellings = ["2001:db8::1", "2001:0db8:0:0::1", "2001:DB8:0::2"];
        const cases: Record<string, readonly [number, HeadersOf, address?: string]> = {
          "forged ones before it": [5, by(() => `${someIPv4()}, 192.0.2.1`), "192.0.2.1"],
          "a second proxy behind it": [
            5,
            by(() => `${someIPv4()}, 192.0.2.2, 10.1.2.3`),
            "192.0.2.2",
          ],
          "a port behind it": [5, by(() => `${someIPv4()}:${randomInt(65_536)}`), "127.0.0.1"],
          "an IPv6 network": [5, by(() => someIPv6("2001:db8:1:2"))],
          "its spellings": [5, by((count) => spellings[count % spellings.length] ?? "")],
          "IPv4 as IPv6": [
            5,
            by((count) => (count % 2 ? "192.0.2.3" : "::ffff:192.0.2.3")),
            "192.0.2.3",
          ],
          // Whose peer is the proxy, as that of the case with a port: they have used its five.
          "no address at all": [0, by((count) => `nobody-${count}`)],
          "one for each": [20, by((count) => `192.0.2.${100 + count}`)],
        };
        for (const [name, [count, headersOf, address]] of Object.entries(cases)) {
          const before = bench.records.length;
          expect([name, await admitted(bench, headersOf)]).toEqual([name, count]);
          const from = bench.records.slice(before).map((record) => record.client_address);
          if (address) expect([name, ...new Set(from)]).toEqual([name, address]);
        }
        // Two headers are one list.
        const headers = ["X-Forwarded-For: 192.0.2.8", "x-forwarded-for: 192.0.2.9"];
        await exchange(bench.broker.url, requestText("/v1/credentials", "{}", { headers }));
        expect(bench.records.at(-1)).toMatchObject({ client_address: "192.0.2.9" });
        await bench.expectGolden();
      },
      { attacks: true, settings: { limits, trusted_proxies: ["127.0.0.1", "10.0.0.0/8"] } },
    ),
  );
});

describe("strangers with an address for each request", () => {
  const settings = { trusted_proxies: ["127.0.0.1"] };

  test(
    "fill no memory, and keep nobody waiting (H-10)",
    { timeout: 120_000 },
    alone(
      async (bench) => {
        const { fields } = await goodRequest(bench);
        const drop = (): Drop => ({
          path: "/v1/challenges",
          body: { ...fields, run_id: randomInt(2 ** 47) },
          headers: {
            "x-forwarded-for": randomInt(2)
              ? someIPv4()
              : someIPv6(
                  `2001:db8:${randomInt(65_536).toString(16)}:${randomInt(65_536).toString(16)}`,
                ),
          },
        });
        await flood(bench, drop, { requests: 1_000 }).over;
        const memory = residentMiB(bench.broker.pid);
        const { answers, over } = flood(bench, drop, { requests: 20_000, milliseconds: 5_000 });
        await bench.expectGolden();
        await over;
        expect(answers.get("invalid_request")).toBeGreaterThan(300);
        expect([...answers.keys()]).toEqual(["invalid_request"]);
        expect(residentMiB(bench.broker.pid) - memory).toBeLessThan(96);
      },
      { attacks: true, settings },
    ),
  );

  test(
    "and good tickets for runs that do not exist have GitHub asked no oftener than is set apart for them (H-09)",
    { timeout: 60_000 },
    alone(
      async (bench) => {
        const { job } = bench.newJob();
        const known = await bench.client(job);
        await known.obtain();
        bench.begin();
        const stranger = await bench.client();
        const drop = (run: Run, attempt = job.attempt): Drop => {
          const { ticket } = madeBy(
            signingKey,
            bench.world,
            { ...job, run, attempt },
            stranger.publicKey,
            Date.now(),
          );
          return {
            path: "/v1/credentials",
            body: {
              ...stranger.who,
              role: "arn:aws:iam::123456789012:role/app-deploy",
              run_id: run.id,
              run_attempt: attempt.number,
              job: { id: 1 },
              ticket,
            },
            headers: { "x-forwarded-for": someIPv4() },
          };
        };
        const ofNone = (): Drop => drop({ ...job.run, id: randomInt(10_000, 2 ** 47) });
        const { answers, over } = flood(bench, ofNone, { requests: 500 });
        await over;
        expect([...answers.keys()].toSorted()).toEqual(["job_not_found", "rate_limited"]);
        expect(bench.world.github.restCost()).toBeGreaterThan(vainCalls / 4);
        expect(bench.world.github.restCost()).toBeLessThanOrEqual(vainCalls + lookAheadCalls);
        // Who is known to be in progress is looked up whatever is left.
        await known.obtain();
        // And of who is new, GitHub's list of runs in progress tells.
        const step = await bench.newJob().run("assume role", bench.request("-- true"));
        expect([step.exitCode, step.stderr]).toEqual([0, expect.stringContaining("PROOF")]);
        expect(bench.world.github.restCost()).toBeLessThanOrEqual(
          vainCalls + lookAheadCalls + listCalls,
        );
        expect(bench.asked.filter(({ path }) => path.includes("?status=")).length).toBeGreaterThan(
          0,
        );
        // An attempt that it is not in is none that is in progress, and a 404 costs each time.
        const before = bench.world.github.restCost();
        const ofAttempt = (): Drop =>
          drop(job.run, { ...job.attempt, number: randomInt(2, 2 ** 31) });
        const attempts = flood(bench, ofAttempt, { requests: 200 });
        await attempts.over;
        // Those that come before the first is answered ask for a run that is known.
        expect(attempts.answers.get("rate_limited")).toBeGreaterThan(150);
        expect(bench.world.github.restCost() - before).toBeLessThan(50);
        await known.obtain();
      },
      { attacks: true, settings },
    ),
  );
});
