import { describe, expect, test } from "vitest";
import type { Body } from "../../harness/client.ts";
import { grantLike, roleOf } from "../../harness/config.ts";
import type { Reply } from "../../world/ask.ts";
import { LambdaFunction, publicUrl } from "./function.ts";

/** Of this, eleven seconds are kept for AWS, and one for what can't be foreseen. */
const hurriedMs = 15_500;
const keptMs = 12_000;

const open = (): Promise<LambdaFunction> =>
  LambdaFunction.open({
    grants: [grantLike("by-token", { proof: "oidc", step: undefined, job: undefined })],
  });

/** The same question, with little time for its answer. */
async function hurried(it: LambdaFunction, ask: () => Promise<Reply>): Promise<Reply> {
  const { timeoutMs } = it.gateway;
  it.gateway.timeoutMs = hurriedMs;
  const reply = await ask();
  it.gateway.timeoutMs = timeoutMs;
  return reply;
}

/** It has come in time, with one record, and AWS has not heard of it. */
function expectInTime(it: LambdaFunction, reply: Reply, status: number, code: string): void {
  expect([reply.status, (reply.json as Body).code]).toEqual([status, code]);
  expect(reply.headers.get("retry-after")).toBe("1");
  expect(Math.min(...it.gateway.leftMs)).toBeGreaterThan(0);
  expect(it.world.sts.journal).toEqual([]);
  expect(it.records).toMatchObject([{ decision: "denied", code }]);
}

describe("whatever GitHub does, an answer comes before API Gateway gives up:", () => {
  test("its API hangs", async () => {
    const it = await open();
    const client = await it.client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const fault = it.world.github.api.fault({ hang: true });
    expectInTime(it, await hurried(it, () => client.ask(challenge)), 503, "github_unavailable");
    fault.remove();
    // The same request has a time of its own, and is not tied to what came of the first.
    await expect(client.credentialsIn(await client.ask(challenge))).resolves.toBeDefined();
  });

  test("its pages hang: the line may be there the next time", async () => {
    const it = await open();
    const client = await it.client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const fault = it.world.github.web.fault({ match: /steps|backscroll/, hang: true });
    expectInTime(it, await hurried(it, () => client.ask(challenge)), 409, "proof_pending");
    fault.remove();
    await expect(client.credentialsIn(await client.ask(challenge))).resolves.toBeDefined();
  });

  test("its issuer hangs", async () => {
    const it = await open();
    const client = await it.client();
    const role = roleOf("by-token");
    const fault = it.world.issuer.fault({ hang: true });
    const token = client.token(publicUrl);
    expectInTime(
      it,
      await hurried(it, () => client.askByToken(token, { role })),
      503,
      "github_unavailable",
    );
    fault.remove();
    await expect
      .poll(async () => (await client.askByToken(token, { role })).status, { timeout: 30_000 })
      .toBe(200);
  });

  test("it hangs at a renewal", async () => {
    const it = await open();
    const client = await it.client();
    const { RenewalToken } = await client.obtain();
    it.world.github.api.fault({ hang: true });
    const reply = await hurried(it, () => client.renew(RenewalToken));
    expect([reply.status, (reply.json as Body).code]).toEqual([503, "github_unavailable"]);
    expect(it.world.sts.assumed).toHaveLength(1);
    expect(it.records.at(-1)).toMatchObject({ decision: "denied", proof: "renewal" });
  });
});

test("what GitHub answers too late leads to nothing", async () => {
  const it = await open();
  const client = await it.client();
  const challenge = await client.challenge();
  client.announce(challenge);
  const barrier = it.world.github.web.barrier(/backscroll/, { late: true });
  expectInTime(it, await hurried(it, () => client.ask(challenge)), 409, "proof_pending");
  barrier.release();
  await expect
    .poll(() =>
      it.world.github.journal.filter(
        ({ status, path }) => status === 200 && /backscroll/.test(path),
      ),
    )
    .not.toEqual([]);
  // Whoever waited for it has gone; who asks after it is served, once.
  await client.credentialsIn(await client.ask(challenge));
  expect(it.world.sts.assumed).toHaveLength(1);
  expect(it.records.map(({ decision }) => decision)).toEqual(["denied", "allowed"]);
});

describe("once AWS is asked nothing is cut off:", () => {
  test("STS is slow, and the answer and its record come all the same", async () => {
    const it = await open();
    const client = await it.client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const began = performance.now();
    const barrier = it.world.sts.barrier(/./);
    const asked = hurried(it, () => client.ask(challenge));
    await barrier.arrived;
    // The time for a decision is over, the time for AWS is not.
    const over = began + hurriedMs - keptMs + 500;
    await new Promise((resolve) => setTimeout(resolve, over - performance.now()));
    barrier.release();
    await expect(client.credentialsIn(await asked)).resolves.toBeDefined();
    expect(it.records).toMatchObject([{ decision: "allowed" }]);
    expect(Math.min(...it.gateway.leftMs)).toBeGreaterThan(0);
  });

  test("STS hangs: that is told in time, recorded, and asking again can pass", async () => {
    const it = await open();
    const client = await it.client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const fault = it.world.sts.fault({ hang: true });
    const reply = await hurried(it, () => client.ask(challenge));
    expect([reply.status, (reply.json as Body).code]).toEqual([503, "aws_unavailable"]);
    expect(it.records).toMatchObject([{ decision: "denied", code: "aws_unavailable" }]);
    expect(Math.min(...it.gateway.leftMs)).toBeGreaterThan(0);
    fault.remove();
    await expect(client.credentialsIn(await client.ask(challenge))).resolves.toBeDefined();
  });
});

test("the table hangs: that is told in time, nothing is given out, and asking again can pass", async () => {
  const it = await open();
  const client = await it.client();
  const challenge = await client.challenge();
  client.announce(challenge);
  it.dynamo.hang(true);
  const reply = await client.ask(challenge);
  expect([reply.status, (reply.json as Body).code]).toEqual([503, "store_unavailable"]);
  expect(it.world.sts.journal).toEqual([]);
  expect(Math.min(...it.gateway.leftMs)).toBeGreaterThan(0);
  it.dynamo.hang(false);
  await expect(client.credentialsIn(await client.ask(challenge))).resolves.toBeDefined();
});

test("a request that waited for a cold start has less time, and clocks that differ take no more of it", async () => {
  const it = await open();
  const { github } = it.world;
  for (const startMs of [3_600_000, -3_600_000]) {
    it.gateway.startMs = startMs;
    const job = github.addJob(github.addRun(it.golden.repository));
    github.addStep(job);
    await (await it.client(job)).obtain();
  }
  expect(it.world.sts.assumed).toHaveLength(2);
});
