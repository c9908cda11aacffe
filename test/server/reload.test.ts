import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { grantLike, roleOf } from "../harness/config.ts";
import type { Body } from "../harness/client.ts";
import { Operated } from "./operated.ts";
import { scriptedSecretsManager } from "./scripted-secrets-manager.ts";

const other = grantLike("other", {});

function hashOf(it: Operated): string {
  return createHash("sha256").update(readFileSync(it.config)).digest("hex");
}

async function gauge(it: Operated, name: string): Promise<string | undefined> {
  const { text } = await it.get("/metrics");
  return text.split("\n").find((line) => line.startsWith(`actions2aws_${name} `));
}

describe("F-12: new settings that are good", () => {
  test("hold for the requests that come after, and the audit says which did", async () => {
    const it = await Operated.open();
    const client = await it.client();
    const before = hashOf(it);
    const denied = (await client.attempt({ role: roleOf("other") })).json as Body;
    expect(denied.code).toBe("role_not_granted");
    it.configure([other]);
    await it.broker.reload();
    await client.obtain({ role: roleOf("other") });
    expect(it.records.map(({ code, policy }) => [code, policy])).toEqual([
      ["role_not_granted", before],
      ["ok", hashOf(it)],
    ]);
    expect(it.log).toContainEqual(
      expect.objectContaining({ msg: "reloaded", policy: hashOf(it), before, grants: 2 }),
    );
    expect(await gauge(it, 'config_reloads_total{result="good"}')).toMatch(/ 1$/);
  });

  test("take a grant away as well", async () => {
    const it = await Operated.open({ grants: [other] });
    const client = await it.client();
    await client.obtain({ role: roleOf("other") });
    it.configure([]);
    await it.broker.reload();
    const reply = await client.attempt({ role: roleOf("other") });
    expect(reply.json).toMatchObject({ code: "role_not_granted" });
  });

  test("do not reach a request that is under way: it ends as it began", async () => {
    const it = await Operated.open({ grants: [other] });
    const client = await it.client();
    const before = hashOf(it);
    const barrier = it.world.sts.barrier(/./);
    const asked = client.attempt({ role: roleOf("other") });
    await barrier.arrived;
    it.configure([]);
    await it.broker.reload();
    barrier.release();
    expect((await asked).status).toBe(200);
    expect(it.records.at(-1)).toMatchObject({ decision: "allowed", policy: before });
  });

  test("keep what is known of GitHub, the counts, and answers that are asked for again", async () => {
    const it = await Operated.open();
    const client = await it.client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const first = await client.ask(challenge);
    it.configure([other]);
    await it.broker.reload();
    expect((await client.ask(challenge)).text).toBe(first.text);
    expect(it.world.sts.issued).toHaveLength(1);
  });

  test("may be of the rest, too: limits, trusted proxies", async () => {
    const it = await Operated.open();
    it.configure([], (text) =>
      JSON.stringify({
        ...(JSON.parse(text) as object),
        limits: { per_address: "2/h" },
        trusted_proxies: ["127.0.0.1"],
      }),
    );
    await it.broker.reload();
    const ask = (from: string): Promise<number> =>
      fetch(`${it.broker.url}/v1/credentials`, {
        method: "POST",
        headers: { "x-forwarded-for": from, "content-type": "application/json" },
        body: "{}",
      }).then(({ status }) => status);
    expect([await ask("192.0.2.1"), await ask("192.0.2.1"), await ask("192.0.2.1")]).toEqual([
      400, 400, 429,
    ]);
    expect(await ask("192.0.2.2")).toBe(400);
  });

  test("that can't change without a restart are told of", async () => {
    const it = await Operated.open();
    it.configure([], (text) => {
      const config = JSON.parse(text) as Record<string, unknown>;
      const audit = { file: join(it.folder, "elsewhere.jsonl") };
      return JSON.stringify({ ...config, audit, store: "dynamodb:actions2aws" });
    });
    await it.broker.reload();
    for (const setting of ["audit", "store"]) {
      expect(it.log).toContainEqual(expect.objectContaining({ level: 40, setting }));
    }
    await (await it.client()).obtain();
    expect(it.records).toHaveLength(1);
  });
});

describe("F-12: new settings that are bad change nothing, and every fault is told", () => {
  test.each<[string, (it: Operated) => void, RegExp[]]>([
    [
      "faults",
      (it) => writeFileSync(it.config, "grants:\n  - nmae: x\nlimts: {}\n"),
      [/config\.yaml:2: /, /config\.yaml:3: .*limts/],
    ],
    ["nothing", (it) => writeFileSync(it.config, ""), [/config\.yaml:1: /]],
    ["no grants", (it) => writeFileSync(it.config, "grants: []"), [/at least one grant/]],
    [
      "half a file",
      (it) => writeFileSync(it.config, readFileSync(it.config, "utf8").slice(0, -40)),
      [/config\.yaml:\d+: /],
    ],
    ["no file", (it) => rmSync(it.config), [/ENOENT/]],
    [
      "a folder",
      (it) => {
        rmSync(it.config);
        mkdirSync(it.config);
      },
      [/EISDIR/],
    ],
  ])("%s", async (_, spoil, faults) => {
    const it = await Operated.open();
    spoil(it);
    await it.broker.reload();
    const line = it.log.find(({ msg }) => msg === "not reloaded: the old settings stay");
    expect(line).toMatchObject({ level: 50 });
    for (const fault of faults)
      expect(line?.["faults"]).toContainEqual(expect.stringMatching(fault));
    await (await it.client()).obtain();
    expect(await gauge(it, 'config_reloads_total{result="bad"}')).toMatch(/ 1$/);
    expect(await gauge(it, "config_last_reload_successful")).toMatch(/ 0$/);
  });

  test("good ones, with a secret that can't be read", async () => {
    const it = await Operated.open(withFiles());
    rmSync(join(it.folder, "token"));
    writeFileSync(it.config, "grants: []");
    await it.broker.reload();
    // Both faults at once.
    expect(it.log.at(-1)?.["faults"]).toEqual([
      expect.stringContaining("at least one grant"),
      expect.stringContaining("GITHUB_TOKEN_FILE"),
    ]);
    it.configure([other]);
    await it.broker.reload();
    expect(it.log.at(-1)).toMatchObject({
      level: 50,
      faults: [expect.stringContaining("GITHUB_TOKEN_FILE can't be read (ENOENT)")],
    });
    const client = await it.client();
    await client.obtain();
    const reply = await client.attempt({ role: roleOf("other") });
    expect(reply.json).toMatchObject({ code: "role_not_granted" });
  });
});

describe("secrets", () => {
  test("from files are read again", async () => {
    const it = await Operated.open(withFiles());
    const { github } = it.world;
    github.token = "ghp_canaryAnother";
    github.session.cookie = "canaryAnotherSession";
    const client = await it.client();
    expect((await client.attempt()).status).toBe(503);
    writeFileSync(join(it.folder, "token"), github.token);
    writeFileSync(join(it.folder, "session"), github.session.cookie);
    await it.broker.reload();
    await client.obtain();
    expect(it.log).toContainEqual(expect.objectContaining({ msg: "reloaded", secrets: "changed" }));
    expect(it.text).not.toContain("canary");
  });

  test("from Secrets Manager, too; while it does not answer the old ones stay", async () => {
    const manager = await scriptedSecretsManager({});
    const give = (it: Pick<Operated, "world">): void => {
      const { token: ApiToken, session } = it.world.github;
      manager.secrets.x = JSON.stringify({ ApiToken, UserSession: session.cookie });
    };
    const it = await Operated.open({
      environment: {
        GITHUB_TOKEN: undefined,
        GITHUB_USER_SESSION: undefined,
        GITHUB_SECRET_ID: "x",
        AWS_ENDPOINT_URL_SECRETS_MANAGER: manager.url,
      },
      before: (world) => give({ world }),
    });
    const client = await it.client();
    manager.secrets.x = new Error("gone");
    await it.broker.reload();
    await client.obtain();
    it.world.github.token = "ghp_canaryAnother";
    give(it);
    await it.broker.reload();
    await client.obtain();
    expect(manager.asked.length).toBeGreaterThanOrEqual(3);
  });

  test("from plain variables stay, and that is said", async () => {
    const it = await Operated.open();
    await it.broker.reload();
    expect(it.log).toContainEqual(
      expect.objectContaining({
        secrets: ["GITHUB_TOKEN", "GITHUB_USER_SESSION"],
        msg: "secrets from plain variables stay until a restart",
      }),
    );
    await (await it.client()).obtain();
  });

  test("challenges made before a reload hold after it, also where the broker made its own key", async () => {
    const it = await Operated.open(withFiles());
    const client = await it.client();
    const challenge = await client.challenge();
    it.world.github.token = "ghp_canaryAnother";
    writeFileSync(join(it.folder, "token"), it.world.github.token);
    await it.broker.reload();
    client.announce(challenge);
    expect((await client.ask(challenge)).status).toBe(200);
  });
});

describe("R-05: the signing key is changed", () => {
  const [first, second] = ["one", "another"].map(
    (name) => `canary of ${name} signing key, 32 characters`,
  ) as [string, string];
  const gone = expect.objectContaining({ msg: expect.stringContaining("signing key is gone") });

  async function opened(): Promise<{
    it: Operated;
    give: (key: string, previous: string) => void;
  }> {
    let give = (_key: string, _previous: string): void => {};
    const it = await Operated.open({
      before: (_, folder) => {
        const [key, previous] = [join(folder, "key"), join(folder, "previous")];
        give = (now, before) => {
          writeFileSync(key, now, { mode: 0o600 });
          writeFileSync(previous, before, { mode: 0o600 });
        };
        give(first, "");
        return {
          ACTIONS2AWS_SIGNING_KEY_FILE: key,
          ACTIONS2AWS_SIGNING_KEY_PREVIOUS_FILE: previous,
        };
      },
    });
    return { it, give };
  }

  test("and nothing is void while the key before it counts, of which nothing new is made", async () => {
    const { it, give } = await opened();
    const client = await it.client();
    const { RenewalToken: old } = await client.obtain();
    const challenge = await client.challenge();
    give(second, first);
    await it.broker.reload();
    expect(it.log).not.toContainEqual(gone);
    client.announce(challenge);
    const { RenewalToken: mixed } = await client.credentialsIn(await client.ask(challenge));
    const { RenewalToken: renewed } = await client.credentialsIn(await client.renew(old));
    give(second, "");
    await it.broker.reload();
    expect(it.log).toContainEqual(gone);
    expect((await client.renew(old)).json).toMatchObject({ code: "renewal_invalid" });
    for (const token of [mixed, renewed]) await client.credentialsIn(await client.renew(token));
    expect(it.text).not.toContain("canary");
  });

  test("and what it has signed is void at once where the key before it is not given", async () => {
    const { it, give } = await opened();
    const client = await it.client();
    const { RenewalToken: old } = await client.obtain();
    const challenge = await client.challenge();
    client.announce(challenge);
    give(second, "");
    await it.broker.reload();
    expect(it.log).toContainEqual(gone);
    expect((await client.ask(challenge)).json).toMatchObject({ code: "challenge_invalid" });
    expect((await client.renew(old)).json).toMatchObject({ code: "renewal_invalid" });
  });
});

test("F-12: 300 reloads, good and bad, while 100 jobs ask: each is answered by one policy", async () => {
  const it = await Operated.open({ grants: [other] });
  const { jobs } = it.world.github.matrix({ jobs: 100, name: "test" });
  const hashes = new Map([[hashOf(it), true]]);
  const asking = Promise.all(
    jobs.map(async (job) => {
      const client = await it.client(job);
      const reply = await client.attempt({ role: roleOf("other") });
      return { status: reply.status, ...(reply.json as Body) };
    }),
  );
  const state = { done: false };
  void asking.finally(() => {
    state.done = true;
  });
  let reloads = 0;
  for (; !state.done || reloads < 300; reloads++) {
    if (reloads % 3 === 2) writeFileSync(it.config, "grants: [");
    else it.configure(reloads % 3 === 0 ? [] : [other]);
    if (reloads % 3 !== 2) hashes.set(hashOf(it), reloads % 3 === 1);
    await it.broker.reload();
    await new Promise(setImmediate);
  }
  const { records } = it;
  for (const { status, code, request_id } of await asking) {
    const record = records.find((entry) => entry.request_id === request_id);
    const grants = hashes.get(String(record?.policy));
    expect([status, code]).toEqual(grants ? [200, undefined] : [403, "role_not_granted"]);
    expect(record?.grant).toBe(grants ? "other" : undefined);
  }
  expect(it.world.sts.issued).toHaveLength(
    it.records.filter(({ decision }) => decision === "allowed").length,
  );
  it.configure([]);
  await it.broker.reload();
  await (await it.client()).obtain();
}, 60_000);

test("reloads that are asked for at once are one or two", async () => {
  const it = await Operated.open();
  await Promise.all(Array.from({ length: 20 }, () => it.broker.reload()));
  expect(it.log.filter(({ msg }) => msg === "reloaded")).toHaveLength(2);
});

function withFiles() {
  return {
    environment: { GITHUB_TOKEN: undefined, GITHUB_USER_SESSION: undefined },
    before: ({ github }: Operated["world"], folder: string) => {
      const [token, session] = [join(folder, "token"), join(folder, "session")];
      writeFileSync(token, github.token, { mode: 0o600 });
      writeFileSync(session, github.session.cookie, { mode: 0o600 });
      return { GITHUB_TOKEN_FILE: token, GITHUB_USER_SESSION_FILE: session };
    },
  };
}
