import { appendFileSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Bench } from "../harness/bench.ts";
import type { AuditRecord } from "../harness/broker.ts";
import type { Body } from "../harness/client.ts";
import { role } from "../harness/config.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.start();
});
afterEach(async () => {
  bench.expectSecretsKept();
  await bench.stop();
});

test("kill -9 between AWS's answer and the record: the restart tells of the session that nobody has, and the waiting job gets its own (F-06, F-08)", async () => {
  const { sts } = bench.world;
  const barrier = sts.barrier(/./);
  const job = bench.newJob();
  const step = job.run("assume role", `eval $(${bench.request()})\nenv > "$RUNNER_TEMP/seen"`);
  await barrier.arrived;
  await bench.kill();
  // AWS has given credentials by now, and its answer reaches nobody.
  expect(sts.issued).toHaveLength(1);
  expect(bench.broker.audit).toEqual([]);
  const intent = JSON.parse(readFileSync(`${bench.files.audit}.intents`, "utf8")) as AuditRecord;
  barrier.release();
  await bench.revive();

  expect(bench.broker.audit).toMatchObject([
    { decision: "interrupted", request_id: intent.request_id, session_name: intent.session_name },
  ]);
  expect(intent.session_name).toBe(sts.assumed[0]?.roleSessionName);
  expect(await step).toMatchObject({ exitCode: 0 });
  expect((await step).stderr).toMatch(/cannot be reached .*; trying again/);
  expect(job.seen("seen").AWS_ACCESS_KEY_ID).toBe(sts.issued[1]?.accessKeyId);
  const [, allowed, ...more] = bench.broker.audit;
  expect(allowed).toMatchObject({
    decision: "allowed",
    access_key_id: sts.issued[1]?.accessKeyId,
  });
  expect(more).toEqual([]);
});

test("kill -9 before AWS has answered: the same, and no record claims that anything was given (F-08)", async () => {
  const barrier = bench.world.sts.barrier(/./, { late: true });
  const client = await bench.client();
  const challenge = await client.challenge();
  client.announce(challenge);
  const asked = client.ask(challenge).catch(() => "cut off");
  await barrier.arrived;
  await bench.kill();
  expect(await asked).toBe("cut off");
  await bench.revive();
  expect(bench.broker.audit).toMatchObject([{ decision: "interrupted" }]);
  await restartAgainTellsNothingNew();
  // The same ticket is still good, as any instance with the signing key can tell (F-11).
  await expect(client.credentialsIn(await client.ask(challenge))).resolves.toBeDefined();
});

async function restartAgainTellsNothingNew(): Promise<void> {
  const before = bench.broker.audit;
  await bench.kill();
  await bench.revive();
  expect(bench.broker.audit).toEqual(before);
}

test("kill -9 at any moment under load: whoever was answered has a record on disk, and nothing is told twice (F-07, F-08)", async () => {
  const { github, sts } = bench.world;
  const answered: string[] = [];
  // So that some die at each stage: asking GitHub, waiting for the line, at AWS, writing the record.
  github.drainDelay = () => Math.random() * 200;
  sts.latency = 20;
  const asked = (calls: number) => () => sts.journal.length >= calls;
  const served = (answers: number) => () => answered.length >= answers;
  const moments = [() => true, asked(1), asked(6), asked(12), served(1), served(8)];
  const sessions: (string | undefined)[] = [];
  for (const moment of moments) {
    answered.length = 0;
    sts.clearJournal();
    const clients = await Promise.all(Array.from({ length: 12 }, () => bench.client()));
    const asking = Promise.allSettled(
      clients.map(async (client) => {
        const reply = await client.attempt();
        if (reply.status === 200) answered.push(String((reply.json as Body).request_id));
      }),
    );
    await expect.poll(moment, { interval: 5, timeout: 5_000 }).toBe(true);
    await bench.kill();
    await asking;
    const allowed = bench.broker.audit.filter(({ decision }) => decision === "allowed");
    expect(allowed.map(({ request_id: id }) => id)).toEqual(expect.arrayContaining(answered));
    sessions.push(...sts.assumed.map(({ roleSessionName }) => roleSessionName));
    await bench.revive();
  }
  const records = bench.broker.audit;
  const ids = records.map(({ request_id: id }) => String(id));
  expect(new Set(ids).size).toBe(ids.length);
  // What AWS was asked for is recorded as given, or as interrupted.
  const told = records.map(({ session_name: session }) => session);
  expect(told).toEqual(expect.arrayContaining(sessions));
  expect(new Set(records.map(({ decision }) => decision))).toEqual(
    new Set(["allowed", "interrupted"]),
  );
  await bench.expectGolden();
}, 30_000);

test("half a line at the end of the audit, as a crash leaves it, spoils no other line (F-08)", async () => {
  await bench.expectGolden();
  await bench.kill();
  appendFileSync(bench.files.audit, '{"time":"2026-01-01T00:0');
  await bench.revive();
  await bench.expectGolden();
  const lines = readFileSync(bench.files.audit, "utf8").trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  expect(bench.broker.audit.map(({ decision }) => decision)).toEqual(["allowed", "allowed"]);
});

test("a client that hangs up after AWS was asked has its session recorded, and gets that very one when it asks again (F-06)", async () => {
  const { sts } = bench.world;
  const client = await bench.client();
  const challenge = await client.challenge();
  client.announce(challenge);
  const hangup = new AbortController();
  const barrier = sts.barrier(/./);
  const asked = fetch(`${bench.broker.url}/v1/credentials`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...client.who, role, ticket: challenge.ticket }),
    signal: hangup.signal,
  }).catch(() => "gone");
  await barrier.arrived;
  hangup.abort();
  expect(await asked).toBe("gone");
  barrier.release();
  await expect.poll(() => bench.broker.audit, { timeout: 5_000 }).toHaveLength(1);
  const given = await client.credentialsIn(await client.ask(challenge));
  expect(sts.issued.map(({ accessKeyId }) => accessKeyId)).toEqual([given.AccessKeyId]);
  expect(bench.broker.audit).toMatchObject([
    { decision: "allowed", access_key_id: given.AccessKeyId },
  ]);
});
