import { generateIdentity } from "age-encryption";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { Broker } from "../harness/broker.ts";
import { expectNoCanary } from "../harness/checks.ts";
import { type Challenge, Client } from "../harness/client.ts";
import { configuration } from "../harness/config.ts";
import { bodyOf, outcomeOf, served } from "../harness/token-scene.ts";
import { type Repository, startWorld, type World } from "../world/index.ts";

// The signing key is changed by its operator: two instances, each with files for its keys, at one GitHub.

const keys = ["one", "two", "three"].map((name) => `canary-signing-key-${name}-of-32-characters`);

interface Instance {
  readonly broker: Broker;
  /** Writes the numbers of the current and the previous key, and has the files read again. */
  readonly turn: (current: number, previous?: number) => Promise<void>;
}

let world: World;
let repository: Repository;
let folder: string;
let instances: [Instance, Instance];

beforeAll(async () => {
  world = await startWorld();
  ({ repository } = world.github.golden());
  folder = mkdtempSync(join(tmpdir(), "actions2aws-keys-"));
  instances = [await startInstance("a"), await startInstance("b")];
});
afterAll(async () => {
  await Promise.all(instances.map(({ broker }) => broker.stop()));
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  for (const { turn } of instances) await turn(0);
});
afterEach(() => {
  for (const { broker } of instances)
    expectNoCanary(broker.stdout + broker.stderr + JSON.stringify(broker.audit));
});

async function startInstance(name: string): Promise<Instance> {
  const file = (kind: string): string => join(folder, `${name}.${kind}`);
  const write = (current: number, previous?: number): void => {
    writeFileSync(file("key"), keys[current] ?? "", { mode: 0o600 });
    const before = previous === undefined ? "" : (keys[previous] ?? "");
    writeFileSync(file("previous"), before, { mode: 0o600 });
  };
  write(0);
  const files = { config: file("yml"), audit: file("jsonl") };
  writeFileSync(files.config, configuration(world, files.audit, []));
  const env = {
    ACTIONS2AWS_SIGNING_KEY: "",
    ACTIONS2AWS_SIGNING_KEY_FILE: file("key"),
    ACTIONS2AWS_SIGNING_KEY_PREVIOUS_FILE: file("previous"),
  };
  const broker = await Broker.start(world, files, { env });
  const reloads = (): number => broker.log.filter(({ msg }) => msg === "reloaded").length;
  const turn = async (current: number, previous?: number): Promise<void> => {
    const before = reloads();
    write(current, previous);
    broker.kill("SIGHUP");
    await vi.waitFor(() => expect(reloads()).toBe(before + 1), 10_000);
  };
  return { broker, turn };
}

/** The client of a new job, at each of the instances. */
async function clients(): Promise<[Client, Client]> {
  const job = world.github.addJob(world.github.addRun(repository));
  world.github.addStep(job);
  const identity = await generateIdentity();
  const at = ({ broker }: Instance): Promise<Client> =>
    Client.of(world, broker.url, job, { identity });
  return Promise.all([at(instances[0]), at(instances[1])]);
}

/** A challenge that stands in the log, and a renewal token: all that a job may have under way. */
async function underWay(client: Client): Promise<{ challenge: Challenge; token: string }> {
  const { RenewalToken: token } = await client.obtain();
  const challenge = await client.challenge();
  client.announce(challenge);
  return { challenge, token };
}

async function renewed(client: Client, token: string): Promise<string> {
  return (await client.credentialsIn(await client.renew(token))).RenewalToken;
}

async function expectVoid(client: Client, token: string): Promise<void> {
  const issued = world.sts.issued.length;
  const reply = await client.renew(token);
  expect([reply.status, bodyOf(reply).code]).toEqual([403, "renewal_invalid"]);
  expect(world.sts.issued).toHaveLength(issued);
}

test("what the key before it has signed counts after a change, but nothing new is signed with that (R-05)", async () => {
  const [client] = await clients();
  const [{ turn }] = instances;
  const { challenge, token } = await underWay(client);
  await turn(1, 0);
  const proved = await client.credentialsIn(await client.ask(challenge));
  const second = await renewed(client, token);
  const later = await client.challenge();
  client.announce(later);
  await turn(1);
  await client.credentialsIn(await client.ask(later));
  for (const made of [proved.RenewalToken, second]) await renewed(client, made);
  await expectVoid(client, token);
});

test("what the key before the one before it has signed does not count (R-05)", async () => {
  const [client] = await clients();
  const [{ turn }] = instances;
  const { challenge, token } = await underWay(client);
  await turn(1, 0);
  const second = await renewed(client, token);
  await turn(2, 1);
  await renewed(client, second);
  await expectVoid(client, token);
  expect(bodyOf(await client.ask(challenge)).code).toBe("challenge_invalid");
  await client.obtain();
});

test("without the key before it, all that it has signed is void at once, as it has to be after an incident (R-05)", async () => {
  const [client] = await clients();
  const [{ turn, broker }] = instances;
  const { challenge, token } = await underWay(client);
  const before = broker.log.length;
  await turn(1);
  await expectVoid(client, token);
  expect(bodyOf(await client.ask(challenge)).code).toBe("challenge_invalid");
  expect(broker.log.slice(before)).toContainEqual(
    expect.objectContaining({ level: 40, msg: expect.stringContaining("signing key is gone") }),
  );
  await client.obtain();
});

test("instances are changed one after the other, with the next key in the previous one's place at first, and no job notices (R-05)", async () => {
  const [a, b] = instances;
  const [atA, atB] = await clients();
  const { token: first } = await underWay(atA);
  for (const turn of [
    () => a.turn(0, 1),
    () => b.turn(0, 1),
    () => a.turn(1, 0),
    () => b.turn(1, 0),
  ]) {
    await turn();
    // Made at each of them, tried at the other.
    for (const [here, there] of [
      [atA, atB],
      [atB, atA],
    ] as const) {
      const { challenge, token } = await underWay(here);
      expect(outcomeOf(await there.ask(challenge))).toEqual(served);
      expect(outcomeOf(await there.renew(token))).toEqual(served);
    }
  }
  expect(outcomeOf(await atB.renew(first))).toEqual(served);
});
