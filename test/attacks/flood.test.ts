import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import type { Reply } from "../world/ask.ts";
import { Bench } from "../harness/bench.ts";
import { type Body, Client } from "../harness/client.ts";

// H-09. All of it comes from one address, as behind a NAT; the limits are those of a broker without any.

/** Thousands of decisions are too many to compare each with its record, as other tests do. */
function floodable(act: (bench: Bench) => Promise<void>): () => Promise<void> {
  return async () => {
    const bench = await Bench.start();
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

const lookAheadCalls = 200;
const vainCalls = 200;
const goldenCalls = 30;

/** Of a run that does not exist. */
function strangers(client: Client): readonly (() => Promise<Reply>)[] {
  const run = () => ({ run_id: randomInt(10_000, 2 ** 47) });
  const ticket = `c1.${(Date.now() + 60_000).toString(36)}.nonce.${"x".repeat(43)}.${"x".repeat(43)}`;
  return [
    () => client.ask({ ticket }, { repository: `evil/app-${randomInt(1_000_000)}` }),
    () => client.ask({ ticket }, run()),
    () => client.post("/v1/credentials", { nonsense: true }),
    () => client.ask({ ticket }),
  ];
}

/** Sends so many, some at a time. */
async function flood(
  count: number,
  requests: readonly (() => Promise<Reply>)[],
  each: (reply: Reply) => void,
): Promise<void> {
  let sent = 0;
  const send = async (): Promise<void> => {
    while (sent < count) {
      const reply = await requests[sent++ % requests.length]?.();
      if (reply) each(reply);
    }
  };
  await Promise.all(Array.from({ length: 32 }, send));
}

async function openedChallenge(client: Client, runId: number): Promise<string> {
  const reply = await client.post("/v1/challenges", {
    repository: "acme/app",
    run_id: runId,
    run_attempt: 1,
    public_key: client.publicKey,
  });
  const { ticket } = reply.json as Body;
  return ticket === undefined ? "" : client.open(ticket);
}

test(
  "ten thousand requests of strangers cost few calls, and a job in their midst gets its role",
  { timeout: 120_000 },
  floodable(async (bench) => {
    const stranger = await Client.of(bench.world, bench.broker.url, bench.newJob().job);
    const codes = new Map<string, number>();
    let done = false;
    const flooding = flood(10_000, strangers(stranger), ({ json }) => {
      const { code = "none" } = json as Body;
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }).finally(() => (done = true));
    await expect
      .poll(() => codes.get("rate_limited") ?? 0, { timeout: 60_000 })
      .toBeGreaterThan(1_000);
    await bench.expectGolden();
    expect(done).toBe(false);
    await flooding;
    await bench.expectGolden();
    expect([...codes.keys()].toSorted()).toEqual([
      "challenge_invalid",
      "invalid_request",
      "no_grant",
      "rate_limited",
    ]);
    const asked = bench.world.github.journal.length;
    expect(asked).toBeLessThan(2 * goldenCalls);
    expect(bench.world.sts.issued).toHaveLength(2);
  }),
);

test(
  "tickets for runs that do not exist cost no more calls than are set apart for them",
  { timeout: 120_000 },
  floodable(async (bench) => {
    const { job } = bench.newJob();
    const known = await bench.client(job);
    await known.obtain();
    const stranger = await Client.of(bench.world, bench.broker.url, job);
    const codes = new Set<string | undefined>();
    for (let count = 0; count < 150; count++) {
      const runId = randomInt(10_000, 2 ** 47);
      const ticket = await openedChallenge(stranger, runId);
      const reply = await stranger.ask({ ticket }, { run_id: runId, job: { id: runId } });
      codes.add((reply.json as Body).code);
    }
    expect(codes).toEqual(new Set(["job_not_found", "rate_limited"]));
    const { length: calls } = bench.world.github.api.journal;
    expect(calls).toBeGreaterThan(lookAheadCalls / 2);
    expect(calls).toBeLessThan(lookAheadCalls + vainCalls + goldenCalls);
    // The run that GitHub has shown in progress still has its role.
    await known.obtain();
  }),
);
