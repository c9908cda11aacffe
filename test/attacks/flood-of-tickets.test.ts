import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import { alone } from "../harness/alone.ts";
import { signingKey } from "../harness/broker.ts";
import { madeBy } from "../harness/challenges.ts";
import { type Body, Client } from "../harness/client.ts";
import { slowWorld } from "../harness/flood.ts";
import { codeOf } from "../harness/requests.ts";

// H-09: what somebody can have done who asks for challenges, and opens their tickets.

const attacks = { attacks: true };
/** Calls of GitHub that may be made for challenges at once, and for what one address asks for in vain. */
const lookAheadCalls = 200;
const vainCallsOfAddress = 200;
/** What one honest job costs at most. */
const goldenCalls = 15;

async function openedTicket(client: Client, runId: number): Promise<string> {
  const reply = await client.post("/v1/challenges", {
    ...client.who,
    run_id: runId,
    job: undefined,
  });
  const { ticket } = reply.json as Body;
  return ticket === undefined ? "" : client.open(ticket);
}

test.concurrent(
  "tickets for runs that do not exist cost no more calls than are set apart for them (H-09)",
  { timeout: 120_000 },
  alone(async (bench) => {
    const { job } = bench.newJob();
    const known = await bench.client(job);
    await known.obtain();
    const stranger = await Client.of(bench.world, bench.broker.url, job);
    const codes = new Set<string | undefined>();
    for (let count = 0; count < 150; count++) {
      const runId = randomInt(10_000, 2 ** 47);
      const ticket = await openedTicket(stranger, runId);
      const reply = await stranger.ask({ ticket }, { run_id: runId, job: { id: runId } });
      codes.add((reply.json as Body).code);
    }
    expect(codes).toEqual(new Set(["job_not_found", "rate_limited"]));
    const { length: calls } = bench.world.github.api.journal;
    expect(calls).toBeGreaterThan(lookAheadCalls / 2);
    expect(calls).toBeLessThan(lookAheadCalls + vainCallsOfAddress + goldenCalls);
    // The run that GitHub has shown in progress still has its role.
    await known.obtain();
  }, attacks),
);

test.concurrent(
  "three hundred strangers that wait for a job's log read it no oftener than one, and the job has its role meanwhile (H-09)",
  { timeout: 120_000 },
  alone(async (bench) => {
    slowWorld(bench);
    const { job } = bench.newJob();
    bench.world.github.addStep(job);
    const sibling = bench.world.github.addJob(job.run);
    const honest = await bench.client(sibling);
    const others = await Promise.all(
      Array.from({ length: 300 }, () => Client.of(bench.world, bench.broker.url, job)),
    );
    const { github } = bench.world;
    const began = performance.now();
    const waiting = others.map((stranger) =>
      stranger.ask(madeBy(signingKey, bench.world, job, stranger.publicKey, Date.now())),
    );
    let told = 0;
    for (const reply of waiting) void reply.then(() => told++);
    await honest.obtain();
    // They give up after eight seconds each: on a slow machine some have, and not all.
    expect(told).toBeLessThan(waiting.length);
    const codes = (await Promise.all(waiting)).map(codeOf);
    expect(new Set(codes)).toEqual(new Set(["proof_pending"]));
    const seconds = (performance.now() - began) / 1_000;
    expect(seconds).toBeGreaterThan(7);
    expect(github.restCost()).toBeLessThan(2 * goldenCalls);
    // Steps and feed at each look, four looks a second at most, and what the honest job reads.
    expect(github.web.journal.length).toBeLessThan(8 * seconds + 40);
    expect(bench.world.sts.issued).toHaveLength(1);
  }, attacks),
);
