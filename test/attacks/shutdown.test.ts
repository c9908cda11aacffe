import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { alone } from "../harness/alone.ts";
import { Bench } from "../harness/bench.ts";
import { Client } from "../harness/client.ts";

const patient = { timeout: 10_000 };

/** A bench whose broker ends before the test does. */
function ending(act: (bench: Bench) => Promise<void>): () => Promise<void> {
  return async () => {
    const bench = await Bench.start();
    try {
      await act(bench);
      expect(bench.broker.log.at(-1)).toMatchObject({ msg: "stopped" });
      // Nothing is open that a restart would have to tell of.
      expect(readFileSync(`${bench.files.audit}.intents`, { encoding: "utf8", flag: "a+" })).toBe(
        "",
      );
      bench.expectSecretsKept();
    } finally {
      await bench.stop();
    }
  };
}

test.concurrent.for(["SIGTERM", "SIGINT"] as const)(
  "%s while a request waits at AWS: it is answered, nobody new is taken, and the process ends well (F-15)",
  (signal) =>
    ending(async (bench) => {
      const { sts } = bench.world;
      const barrier = sts.barrier(/./);
      const job = bench.newJob();
      const step = job.run("assume role", `eval $(${bench.request()})\nenv > "$RUNNER_TEMP/seen"`);
      await barrier.arrived;
      bench.broker.kill(signal);
      const late = await Client.of(bench.world, bench.broker.url, job.job);
      const taken = (): Promise<string> =>
        late.challenge().then(
          () => "taken",
          () => "refused",
        );
      await vi.waitFor(async () => expect(await taken()).toBe("refused"), patient);
      expect(bench.broker.running).toBe(true);
      // Impatience, and news of files, change nothing.
      bench.broker.kill(signal);
      bench.broker.kill("SIGHUP");
      barrier.release();
      expect(await step).toMatchObject({ exitCode: 0 });
      expect(await bench.broker.ended()).toBe(0);
      expect(job.seen("seen").AWS_ACCESS_KEY_ID).toBe(sts.issued[0]?.accessKeyId);
      expect(bench.broker.audit).toMatchObject([
        { decision: "allowed", access_key_id: sts.issued[0]?.accessKeyId },
      ]);
    })(),
);

test.concurrent(
  "SIGTERM while a request waits for its announcement: it is finished too (F-15)",
  ending(async (bench) => {
    const client = await bench.client();
    const challenge = await client.challenge();
    const asked = client.ask(challenge);
    const { web } = bench.world.github;
    await vi.waitFor(() => expect(web.journal.length).toBeGreaterThan(2), patient);
    bench.broker.kill("SIGTERM");
    client.announce(challenge);
    await expect(client.credentialsIn(await asked)).resolves.toBeDefined();
    expect(await bench.broker.ended()).toBe(0);
  }),
);

test.concurrent(
  "SIGTERM while AWS does not answer at all: the job is told, the record is written, and the process ends within its time (F-15)",
  { timeout: 60_000 },
  ending(async (bench) => {
    const client = await bench.client();
    const challenge = await client.challenge();
    client.announce(challenge);
    bench.world.sts.fault({ hang: true });
    const asked = client.ask(challenge);
    await vi.waitFor(() => expect(bench.world.sts.journal).not.toEqual([]), patient);
    const begun = performance.now();
    bench.broker.kill("SIGTERM");
    expect(await asked).toMatchObject({ status: 503, json: { code: "aws_unavailable" } });
    expect(await bench.broker.ended()).toBe(0);
    expect(performance.now() - begun).toBeLessThan(30_000);
    const { roleSessionName } = bench.world.sts.assumed[0] ?? {};
    expect(bench.broker.audit).toMatchObject([
      { decision: "denied", code: "aws_unavailable", session_name: roleSessionName },
    ]);
  }),
);

test.concurrent(
  "SIGTERM under load: whoever was answered has a record, and the others are told nothing (F-15)",
  ending(async (bench) => {
    bench.world.sts.latency = 50;
    const clients = await Promise.all(Array.from({ length: 30 }, () => bench.client()));
    const asking = Promise.allSettled(clients.map((client) => client.obtain()));
    const someAnswered = (): void => expect(bench.broker.audit).not.toEqual([]);
    await vi.waitFor(someAnswered, { ...patient, interval: 5 });
    bench.broker.kill("SIGTERM");
    const given = (await asking).flatMap((it) => (it.status === "fulfilled" ? [it.value] : []));
    expect(await bench.broker.ended()).toBe(0);
    const recorded = bench.broker.audit
      .filter(({ decision }) => decision === "allowed")
      .map(({ access_key_id: id }) => id);
    expect(recorded).toHaveLength(bench.world.sts.issued.length);
    expect(recorded).toEqual(expect.arrayContaining(given.map(({ AccessKeyId }) => AccessKeyId)));
    expect(given.length).toBeGreaterThan(0);
  }),
);

test(
  "SIGTERM with nothing to do ends at once, though clients keep their connections open (F-15)",
  alone(async (bench) => {
    await bench.expectGolden();
    const begun = performance.now();
    expect(await bench.broker.stop()).toBe(0);
    // Far less than the time for which connections are kept.
    expect(performance.now() - begun).toBeLessThan(10_000);
    await bench.revive();
    bench.begin();
  }),
);
