import { readFileSync, writeFileSync } from "node:fs";
import { generateIdentity } from "age-encryption";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Bench } from "../harness/bench.ts";
import { auditIn, Broker } from "../harness/broker.ts";
import { type Body, Client } from "../harness/client.ts";
import { configuration } from "../harness/config.ts";
import type { Reply } from "../world/ask.ts";

const codeOf = ({ json }: Reply): string | undefined => (json as Body).code;

async function open(env: Record<string, string> = {}): Promise<Bench> {
  const bench = await Bench.start({ broker: { env } });
  onTestFinished(async () => {
    bench.expectSecretsKept();
    await bench.stop();
  });
  return bench;
}

async function restarted(bench: Bench): Promise<void> {
  expect(await bench.broker.stop()).toBe(0);
  await bench.revive();
}

describe("a restart between challenge and request", () => {
  test("goes unnoticed where the operator gave a signing key (F-11)", async () => {
    const bench = await open();
    const client = await bench.client();
    const challenge = await client.challenge();
    client.announce(challenge);
    await restarted(bench);
    await expect(client.credentialsIn(await client.ask(challenge))).resolves.toBeDefined();
  });

  test("voids the challenge where the broker made its key itself, and a real client gets a new one (F-11)", async () => {
    const bench = await open({ ACTIONS2AWS_SIGNING_KEY: "" });
    const { github } = bench.world;
    // So that the restart comes before the line can be seen.
    github.drainDelay = 3_600_000;
    const job = bench.newJob();
    const step = job.run("assume role", `eval $(${bench.request()})`);
    const looked = (): boolean =>
      github.web.journal.some(({ path }) => path.endsWith("backscroll"));
    await vi.waitFor(() => expect(looked()).toBe(true), 15_000);
    await bench.kill();
    github.drainDelay = 0;
    await bench.revive();
    expect(await step).toMatchObject({ exitCode: 0 });
    expect((await step).stderr).toMatch(/cannot be reached .*; trying again/);
    expect(bench.broker.audit.map(({ decision, code }) => [decision, code])).toEqual([
      ["denied", "challenge_invalid"],
      ["allowed", "ok"],
    ]);
    expect(bench.world.sts.issued).toHaveLength(1);
  }, 60_000);
});

describe("a challenge that was used before a restart, with the store in memory,", () => {
  test("leads to a second session for the same key at most, and to none for another (F-08, F-11)", async () => {
    const bench = await open();
    const client = await bench.client();
    const thief = await Client.of(bench.world, bench.broker.url, bench.newJob().job);
    const challenge = await client.challenge();
    client.announce(challenge);
    const first = await client.credentialsIn(await client.ask(challenge));
    await restarted(bench);
    const [stolen, second] = [await thief.ask(challenge), await client.ask(challenge)];
    expect(codeOf(stolen)).toBe("challenge_invalid");
    expect((await client.credentialsIn(second)).AccessKeyId).not.toBe(first.AccessKeyId);
    await expect(thief.credentialsIn(second)).rejects.toThrow("no identity matched");
    expect(bench.world.sts.issued).toHaveLength(2);
  });
});

/** Another broker for the same world, with an audit file of its own, as it has to be. */
async function besideIt(bench: Bench, env: Record<string, string> = {}, policy?: string) {
  const files = { config: `${bench.files.config}.2.yml`, audit: `${bench.files.audit}.2` };
  const config = policy ?? readFileSync(bench.files.config, "utf8");
  writeFileSync(files.config, config.replace(bench.files.audit, files.audit));
  const broker = await Broker.start(bench.world, files, { env });
  onTestFinished(async () => {
    expect(await broker.stop()).toBe(0);
    expect(broker.stdout + broker.stderr).not.toContain("canary");
  });
  return broker;
}

describe("two instances with one signing key and no store between them", () => {
  test("each give one session for one challenge, for the same key, and each has it in its records (F-10)", async () => {
    const bench = await open();
    const two = await besideIt(bench);
    const { job } = bench.newJob();
    bench.world.github.addStep(job);
    const identity = await generateIdentity();
    const [here, there] = await Promise.all(
      [bench.broker, two].map(({ url }) => Client.of(bench.world, url, job, { identity })),
    );
    if (!here || !there) throw new Error("two clients");
    const challenge = await here.challenge();
    here.announce(challenge);
    const asked = [here, there, here, there].map((client) => client.ask(challenge));
    const replies = await Promise.all(asked);
    const ids = await Promise.all(
      replies.map(async (reply) => (await here.credentialsIn(reply)).AccessKeyId),
    );
    // One each, however often and however much at once they are asked.
    expect(new Set(ids).size).toBe(2);
    expect(bench.world.sts.issued).toHaveLength(2);
    const recorded = [bench.files.audit, `${bench.files.audit}.2`].map((file) => auditIn(file));
    for (const own of recorded) expect(own).toMatchObject([{ decision: "allowed" }]);
    expect(new Set(recorded.flat().map(({ access_key_id: id }) => id))).toEqual(new Set(ids));
  });

  test("each decide by their own configuration, which their records name (F-10)", async () => {
    const bench = await open();
    const policy = configuration(bench.world, bench.files.audit, []).replace('"deploy"', '"other"');
    const two = await besideIt(bench, {}, policy);
    const { job } = bench.newJob();
    const here = await bench.client(job);
    const there = await Client.of(bench.world, two.url, job);
    await here.obtain();
    expect(await there.attempt()).toMatchObject({ status: 403, json: { fields: ["job"] } });
    const [one] = auditIn(bench.files.audit);
    const [other] = auditIn(`${bench.files.audit}.2`);
    expect(other?.policy).toMatch(/^[0-9a-f]{64}$/);
    expect(other?.policy).not.toBe(one?.policy);
  });

  test("with another key each, what one has made is nothing to the other (F-10)", async () => {
    const bench = await open();
    const two = await besideIt(bench, {
      ACTIONS2AWS_SIGNING_KEY: "canary-another-signing-key-of-32-characters",
    });
    const { job } = bench.newJob();
    const here = await bench.client(job);
    const challenge = await here.challenge();
    here.announce(challenge);
    const { RenewalToken } = await here.credentialsIn(await here.ask(challenge));
    const there = await Client.of(bench.world, two.url, job);
    expect(codeOf(await there.ask(challenge))).toBe("challenge_invalid");
    expect(codeOf(await there.renew(RenewalToken))).toBe("renewal_invalid");
    expect(bench.world.sts.issued).toHaveLength(1);
  });
});
