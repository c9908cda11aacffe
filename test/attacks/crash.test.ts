import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Bench } from "../harness/bench.ts";
import { type AuditRecord, Broker } from "../harness/broker.ts";
import { type Body, Client } from "../harness/client.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.start();
});
afterEach(async () => {
  bench.expectSecretsKept();
  await bench.stop();
});

/** A new process on the old one's port, files and signing key. */
async function restart(): Promise<void> {
  bench.broker = await Broker.start(bench.world, bench.files, {
    listen: `127.0.0.1:${bench.broker.port}`,
  });
}

async function killed(): Promise<void> {
  bench.broker.kill("SIGKILL");
  expect(await bench.broker.ended()).toBe("SIGKILL");
}

test("kill -9 between AWS's answer and the record: the restart tells of the session that nobody has, and the waiting job gets its own (F-06, F-08)", async () => {
  const { sts } = bench.world;
  const barrier = sts.barrier(/./);
  const job = bench.newJob();
  const step = job.run("assume role", `eval $(${bench.request()})\nenv > "$RUNNER_TEMP/seen"`);
  await barrier.arrived;
  await killed();
  // AWS has given credentials by now, and its answer reaches nobody.
  expect(sts.issued).toHaveLength(1);
  expect(bench.broker.audit).toEqual([]);
  const intent = JSON.parse(readFileSync(`${bench.files.audit}.intents`, "utf8")) as AuditRecord;
  barrier.release();
  await restart();

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

test("kill -9 before AWS has answered: the same, and no record claims that anything was given", async () => {
  const barrier = bench.world.sts.barrier(/./, { late: true });
  const client = await bench.client();
  const challenge = await client.challenge();
  client.announce(challenge);
  const asked = client.ask(challenge).catch(() => "cut off");
  await barrier.arrived;
  await killed();
  expect(await asked).toBe("cut off");
  await restart();
  expect(bench.broker.audit).toMatchObject([{ decision: "interrupted" }]);
  await restartAgainTellsNothingNew();
  // The same ticket is still good, as any instance with the signing key can tell.
  await expect(client.credentialsIn(await client.ask(challenge))).resolves.toBeDefined();
});

async function restartAgainTellsNothingNew(): Promise<void> {
  const before = bench.broker.audit;
  await killed();
  await restart();
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
    await killed();
    await asking;
    const allowed = bench.broker.audit.filter(({ decision }) => decision === "allowed");
    expect(allowed.map(({ request_id: id }) => id)).toEqual(expect.arrayContaining(answered));
    sessions.push(...sts.assumed.map(({ roleSessionName }) => roleSessionName));
    await restart();
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
  await killed();
  appendFileSync(bench.files.audit, '{"time":"2026-01-01T00:0');
  await restart();
  await bench.expectGolden();
  const lines = readFileSync(bench.files.audit, "utf8").trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  expect(bench.broker.audit.map(({ decision }) => decision)).toEqual(["allowed", "allowed"]);
});

test("SIGTERM while a request waits at AWS: it is answered, nobody new is taken, and the process ends well (F-15)", async () => {
  const { sts } = bench.world;
  const barrier = sts.barrier(/./);
  const job = bench.newJob();
  const step = job.run("assume role", `eval $(${bench.request()})\nenv > "$RUNNER_TEMP/seen"`);
  await barrier.arrived;
  const { url } = bench.broker;
  bench.broker.kill("SIGTERM");
  const late = await Client.of(bench.world, url, job.job);
  await expect
    .poll(() =>
      late.challenge().then(
        () => "taken",
        () => "refused",
      ),
    )
    .toBe("refused");
  expect(bench.broker.running).toBe(true);
  barrier.release();
  expect(await step).toMatchObject({ exitCode: 0 });
  expect(await bench.broker.ended()).toBe(0);
  expect(job.seen("seen").AWS_ACCESS_KEY_ID).toBe(sts.issued[0]?.accessKeyId);
  expect(bench.broker.audit).toMatchObject([
    { decision: "allowed", access_key_id: sts.issued[0]?.accessKeyId },
  ]);
  expect(bench.broker.log.at(-1)).toMatchObject({ msg: "stopped" });
  expect(existsSync(`${bench.files.audit}.intents`)).toBe(true);
  expect(readFileSync(`${bench.files.audit}.intents`, "utf8")).toBe("");
});

test("SIGTERM while a request waits for its announcement: it is finished too", async () => {
  const client = await bench.client();
  const challenge = await client.challenge();
  const asked = client.ask(challenge);
  await expect.poll(() => bench.world.github.web.journal.length).toBeGreaterThan(2);
  bench.broker.kill("SIGTERM");
  client.announce(challenge);
  await expect(client.credentialsIn(await asked)).resolves.toBeDefined();
  expect(await bench.broker.ended()).toBe(0);
});

test("SIGTERM with nothing to do ends at once, though clients keep their connections open", async () => {
  await bench.expectGolden();
  const begun = performance.now();
  expect(await bench.broker.stop()).toBe(0);
  expect(performance.now() - begun).toBeLessThan(1_000);
});
