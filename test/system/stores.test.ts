import { generateIdentity } from "age-encryption";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Body, Client } from "../harness/client.ts";
import { Broker } from "../harness/broker.ts";
import { configuration, grantLike, roleOf } from "../harness/config.ts";
import type { Reply } from "../world/ask.ts";
import { type Golden, type Job, startWorld, type World } from "../world/index.ts";
import { type Backend, backends } from "./backends.ts";

const publicUrl = "https://broker.example.com";
const perRun = 12;

/** Two instances of the broker that share a store and a signing key. */
class Pair {
  readonly world: World;
  readonly backend: Backend;
  readonly folder: string;
  readonly golden: Golden;
  brokers: Broker[] = [];

  private constructor(world: World, backend: Backend, folder: string) {
    this.world = world;
    this.golden = world.github.golden();
    this.backend = backend;
    this.folder = folder;
  }

  static async start(open: () => Promise<Backend>): Promise<Pair> {
    const backend = await open();
    await backend.start();
    const folder = mkdtempSync(join(tmpdir(), "actions2aws-stores-"));
    const pair = new Pair(await startWorld(), backend, folder);
    for (const name of ["a", "b"]) pair.brokers.push(await pair.startBroker(name));
    return pair;
  }

  startBroker(name: string): Promise<Broker> {
    const files = {
      config: join(this.folder, `${name}.yml`),
      audit: join(this.folder, `${name}.jsonl`),
    };
    const grants = [grantLike("by-token", { proof: "oidc" })];
    const config = {
      ...(JSON.parse(configuration(this.world, files.audit, grants)) as object),
      public_url: publicUrl,
      store: this.backend.setting,
      limits: { per_run: `${perRun}/m` },
    };
    writeFileSync(files.config, JSON.stringify(config));
    return Broker.start(this.world, files, { env: this.backend.environment });
  }

  newJob(): Job {
    const { github } = this.world;
    const job = github.addJob(github.addRun(this.golden.repository));
    github.addStep(job);
    return job;
  }

  /** The same client, at each of the brokers. */
  async clients(job = this.newJob(), identity?: string): Promise<[Client, Client]> {
    identity ??= await generateIdentity();
    const [a, b] = await Promise.all(
      this.brokers.map(({ url }) => Client.of(this.world, url, job, { identity })),
    );
    if (!a || !b) throw new Error("no two brokers");
    return [a, b];
  }

  async stop(): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.stop()));
    await this.world.close();
    await this.backend.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function codeOf({ status, json }: Reply): string {
  return status < 300 ? String(status) : String((json as Body).code);
}

describe.each(Object.keys(backends))("%s", (name) => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await Pair.start(backends[name] as () => Promise<Backend>);
  }, 60_000);
  afterAll(() => pair.stop());
  beforeEach(() => pair.world.sts.clearJournal());
  afterEach(() => {
    for (const { stdout, stderr, audit } of pair.brokers) {
      expect(`${stdout}${stderr}${JSON.stringify(audit)}`).not.toMatch(/canary/);
    }
  });

  test("a challenge asked for at one instance is answered at the other", async () => {
    const [a, b] = await pair.clients();
    const challenge = await a.challenge();
    a.announce(challenge);
    await expect(b.credentialsIn(await b.ask(challenge))).resolves.toMatchObject({
      AccessKeyId: pair.world.sts.issued[0]?.accessKeyId,
    });
  });

  test("F-10, H-12: one challenge at both at once leads to one call of STS", async () => {
    const [a, b] = await pair.clients();
    const challenge = await a.challenge();
    a.announce(challenge);
    const asks = Array.from({ length: 10 }, (_, count) => (count % 2 ? a : b).ask(challenge));
    const replies = await Promise.all(asks);
    expect(pair.world.sts.issued).toHaveLength(1);
    // One instance has answered, the same to all; the other says that the challenge is spent.
    expect(replies.map(codeOf).toSorted()).toEqual([
      ...Array.from({ length: 5 }, () => "200"),
      ...Array.from({ length: 5 }, () => "challenge_invalid"),
    ]);
    const given = replies.filter(({ status }) => status === 200).map(({ text }) => text);
    expect(new Set(given).size).toBe(1);
    const records = pair.brokers.flatMap(({ audit }) => audit);
    const [issued] = pair.world.sts.issued;
    expect(records.filter((record) => record.access_key_id === issued?.accessKeyId)).toHaveLength(
      1,
    );
  });

  test("F-06: a lost answer can be asked for again where it came from", async () => {
    const [a, b] = await pair.clients();
    const challenge = await a.challenge();
    a.announce(challenge);
    const first = await a.ask(challenge);
    expect(codeOf(await b.ask(challenge))).toBe("challenge_invalid");
    expect((await a.ask(challenge)).text).toBe(first.text);
    expect(pair.world.sts.issued).toHaveLength(1);
  });

  test("what came to nothing at one instance can pass at the other", async () => {
    const [a, b] = await pair.clients();
    const challenge = await a.challenge();
    expect(codeOf(await a.ask(challenge))).toBe("proof_pending");
    pair.world.sts.refuse("Throttling", 3);
    a.announce(challenge);
    expect(codeOf(await a.ask(challenge))).toBe("aws_unavailable");
    expect(codeOf(await b.ask(challenge))).toBe("200");
  }, 30_000);

  test("O-09: a token at both at once leads to one call of STS", async () => {
    const job = pair.newJob();
    const [a, b] = await pair.clients(job);
    const { issuer, sts } = pair.world;
    const token = issuer.sign(issuer.claims(job, `${publicUrl}#${a.publicKey}`));
    const asked = { ticket: undefined, oidc_token: token, role: roleOf("by-token") };
    const replies = await Promise.all(
      [a, b, a, b].map((client) => client.ask({ ticket: "" }, asked)),
    );
    expect(replies.map(codeOf).toSorted()).toEqual(["200", "200", "oidc_invalid", "oidc_invalid"]);
    // With another token it may pass, and the client makes one.
    const again = replies.map(({ headers }) => headers.get("retry-after"));
    expect(again.filter((seconds) => seconds === "1")).toHaveLength(2);
    expect(sts.issued).toHaveLength(1);
  });

  test("F-10: limits are shared", async () => {
    const [a, b] = await pair.clients();
    for (let count = 0; count < perRun; count++) await (count % 3 ? a : b).challenge();
    for (const client of [a, b, a]) {
      await expect(client.challenge()).rejects.toThrow(/429.*rate_limited/);
    }
  });

  test("F-11: a broker that is started anew answers an old challenge, and not a used one", async () => {
    const [job, identity] = [pair.newJob(), await generateIdentity()];
    const [a] = await pair.clients(job, identity);
    const [used, open] = [await a.challenge(), await a.challenge()];
    a.announce(used);
    a.announce(open);
    expect(codeOf(await a.ask(used))).toBe("200");
    await pair.brokers[0]?.stop();
    pair.brokers[0] = await pair.startBroker("a");
    const [again] = await pair.clients(job, identity);
    expect(codeOf(await again.ask(used))).toBe("challenge_invalid");
    expect(codeOf(await again.ask(open))).toBe("200");
  });

  test("while it is down limits go on, nothing is issued, and it may come back", async () => {
    const [a, b] = await pair.clients();
    const challenge = await a.challenge();
    a.announce(challenge);
    await pair.backend.kill();
    for (const client of [a, b]) {
      const reply = await client.ask(challenge);
      expect(codeOf(reply)).toBe("store_unavailable");
      expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect(pair.world.sts.issued).toEqual([]);
    // Each instance counts for itself.
    const other = (await pair.clients())[0];
    for (let count = 0; count < perRun; count++) await other.challenge();
    await expect(other.challenge()).rejects.toThrow(/429.*rate_limited/);
    for (const { log } of pair.brokers) {
      const told = log.filter(({ msg }) => /store does not answer/.test(String(msg)));
      expect(told).toHaveLength(1);
    }
    await pair.backend.start();
    await vi.waitFor(async () => expect(codeOf(await b.ask(challenge))).toBe("200"), 20_000);
    expect(pair.world.sts.issued).toHaveLength(1);
    await vi.waitFor(async () => expect((await a.challenge()).challenge).toBeTruthy(), 5_000);
  }, 60_000);

  test("one that hangs holds nobody up for long", async () => {
    const [a] = await pair.clients();
    const challenge = await a.challenge();
    a.announce(challenge);
    pair.backend.hang(true);
    const began = performance.now();
    await a.challenge();
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(codeOf(await a.ask(challenge))).toBe("store_unavailable");
    expect(performance.now() - began).toBeLessThan(10_000);
    pair.backend.hang(false);
    await vi.waitFor(async () => expect(codeOf(await a.attempt())).toBe("200"), 20_000);
    expect(pair.world.sts.issued).toHaveLength(1);
  }, 60_000);
});

test("a broker starts while Redis is away, and needs no restart when it comes", async () => {
  const backend = await (backends.redis as () => Promise<Backend>)();
  const world = await startWorld();
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-stores-"));
  const files = { config: join(folder, "c.yml"), audit: join(folder, "audit.jsonl") };
  const config = JSON.parse(configuration(world, files.audit, [])) as object;
  // Its password need not stand in the configuration.
  const { password } = new URL(backend.setting);
  const store = backend.setting.replace(`:${password}@`, "");
  writeFileSync(files.config, JSON.stringify({ ...config, store }));
  const { job } = world.github.golden();
  const broker = await Broker.start(world, files, {
    env: { ACTIONS2AWS_STORE_PASSWORD: password },
  });
  try {
    const client = await Client.of(world, broker.url, job);
    expect(codeOf(await client.attempt())).toBe("store_unavailable");
    await backend.start();
    await vi.waitFor(async () => expect(codeOf(await client.attempt())).toBe("200"), 20_000);
  } finally {
    await broker.stop();
    await world.close();
    await backend.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}, 40_000);
