import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { Bench, type BenchOptions } from "../harness/bench.ts";
import { auditIn } from "../harness/broker.ts";
import type { Body } from "../harness/client.ts";
import { actions2aws } from "../harness/program.ts";
import type { Reply } from "../world/ask.ts";
import { linesOf } from "../harness/fault-scene.ts";

/** A bench whose records may be in disorder for a while, so that less is checked after it than elsewhere. */
function on(act: (bench: Bench) => Promise<void>, options: BenchOptions = {}) {
  return async (): Promise<void> => {
    const bench = await Bench.start(options);
    try {
      await bench.expectGolden();
      bench.begin();
      await act(bench);
      bench.expectSecretsKept();
    } finally {
      await bench.stop();
    }
  };
}

/** Root writes wherever it likes, unless that right is taken from it. */
const withoutOverride =
  process.getuid?.() === 0
    ? ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]
    : [];

function moved(...files: string[]): () => void {
  for (const file of files) renameSync(file, `${file}.aside`);
  return () => {
    for (const file of files) renameSync(`${file}.aside`, file);
  };
}

/** Each spoils the place of the records, and gives back what puts it right. */
const spoilers: Record<string, (file: string) => () => void> = {
  "on a full disk": (file) => {
    const files = [file, `${file}.intents`];
    const back = moved(...files);
    for (const name of files) symlinkSync("/dev/full", name);
    return () => {
      for (const name of files) unlinkSync(name);
      back();
    };
  },
  "in a folder that is gone": (file) => moved(dirname(file)),
  "in a folder that is read-only": (file) => {
    const back = moved(file, `${file}.intents`);
    chmodSync(dirname(file), 0o500);
    return () => {
      chmodSync(dirname(file), 0o700);
      back();
    };
  },
  "where a folder has its name": (file) => {
    const back = moved(file, `${file}.intents`);
    mkdirSync(file);
    return () => {
      rmdirSync(file);
      if (auditIn(`${file}.intents`).length > 0) unlinkSync(`${file}.intents`);
      back();
    };
  },
};

function expectUnavailable({ status, json, text }: Reply): void {
  expect([status, (json as Body).code]).toEqual([503, "audit_unavailable"]);
  expect(text).not.toContain("AGE ENCRYPTED");
}

describe.concurrent("records can't be written", () => {
  test.for(Object.entries(spoilers))(
    "%s: nothing is issued, AWS is not even asked, and all goes on when there is a place again (F-07)",
    ([, spoil]) =>
      on(
        async (bench) => {
          const client = await bench.client();
          const challenge = await client.challenge();
          client.announce(challenge);
          const restore = spoil(bench.files.audit);
          const reply = await client.ask(challenge);
          expectUnavailable(reply);
          expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
          expect(bench.world.sts.journal).toEqual([]);
          restore();
          await expect(client.credentialsIn(await client.ask(challenge))).resolves.toBeDefined();
          expect(linesOf(bench.files.audit)).toHaveLength(2);
        },
        { broker: { within: withoutOverride } },
      )(),
  );

  test.for(Object.entries(spoilers))(
    "%s while AWS answers: the job gets nothing of it, and the next start tells of the session (F-06, F-07)",
    ([, spoil]) =>
      on(
        async (bench) => {
          const { sts } = bench.world;
          const client = await bench.client();
          const challenge = await client.challenge();
          client.announce(challenge);
          const barrier = sts.barrier(/./);
          const asked = client.ask(challenge);
          await barrier.arrived;
          const restore = spoil(bench.files.audit);
          barrier.release();
          expectUnavailable(await asked);
          restore();
          const given = await client.credentialsIn(await client.ask(challenge));
          expect(sts.issued).toHaveLength(2);
          expect(given.AccessKeyId).toBe(sts.issued[1]?.accessKeyId);
          expect(await bench.broker.stop()).toBe(0);
          await bench.revive();
          const [, allowed, interrupted, ...more] = linesOf(bench.files.audit);
          expect(allowed).toMatchObject({ decision: "allowed", access_key_id: given.AccessKeyId });
          expect(interrupted).toMatchObject({
            decision: "interrupted",
            session_name: sts.assumed[0]?.roleSessionName,
          });
          expect(more).toEqual([]);
        },
        { broker: { within: withoutOverride } },
      )(),
  );

  test(
    "and a real client says so, with what to do (F-07)",
    on(async (bench) => {
      const restore = moved(dirname(bench.files.audit));
      const step = await bench.newJob().run("assume role", bench.request("--timeout 2s"));
      expect(step.exitCode).toBe(4);
      expect(step.stderr).toMatch(/audit_unavailable.*audit record cannot be written/);
      expect(bench.world.sts.journal).toEqual([]);
      restore();
    }),
  );
});

test(
  "a disk that fills up in the middle of a record leaves half a line, and no credentials; the chain goes on behind it (F-07, F-08)",
  on(
    async (bench) => {
      const { audit } = bench.files;
      let reply = await (await bench.client()).attempt();
      for (let count = 0; reply.status === 200 && count < 20; count++)
        reply = await (await bench.client()).attempt();
      expectUnavailable(reply);
      expect(readFileSync(audit)).toHaveLength(8_192);
      expect(readFileSync(audit, "utf8")).not.toMatch(/\n$/);
      // A rotation makes room.
      renameSync(audit, `${audit}.1`);
      await bench.expectGolden();
      const whole = [...auditIn(`${audit}.1`), ...auditIn(audit)];
      expect(new Set(whole.map(({ decision }) => decision))).toEqual(new Set(["allowed"]));
      expect(await actions2aws(["verify-audit", `${audit}.1`, audit])).toMatchObject({
        exitCode: 0,
      });
    },
    { broker: { within: ["bash", "-c", 'ulimit -f 8; exec "$0" "$@"'] } },
  ),
);

test(
  "a file that is rotated away goes on under its name (F-18)",
  on(async (bench) => {
    const before = bench.broker.audit.length;
    renameSync(bench.files.audit, `${bench.files.audit}.1`);
    await bench.expectGolden();
    expect(auditIn(`${bench.files.audit}.1`)).toHaveLength(before);
    expect(auditIn(bench.files.audit)).toHaveLength(1);
  }),
);

test(
  "records go to stdout, and nobody reads it any more: the broker ends, and nobody is given anything (F-07)",
  on(
    async (bench) => {
      expect(bench.broker.log).toContainEqual(
        expect.objectContaining({ msg: "audit", decision: "allowed" }),
      );
      const client = await bench.client();
      const challenge = await client.challenge();
      client.announce(challenge);
      bench.broker.closeOutput();
      const answer = await client.ask(challenge).catch(() => null);
      expect(answer?.text ?? "").not.toContain("AGE ENCRYPTED");
      expect(answer?.status ?? 503).toBe(503);
      // Whoever watches over the broker's process is told, since its log tells nobody.
      expect(await bench.broker.ended()).toBe(1);
    },
    { settings: { audit: "stdout" } },
  ),
);
