import { afterEach, describe, expect, test, vi } from "vitest";
import type { Body } from "../../harness/client.ts";
import { LambdaFunction } from "./function.ts";

const minutes = 60_000;
const { now: wall } = Date;
afterEach(() => vi.restoreAllMocks());

/** So much time passes by. */
function later(ms: number): void {
  vi.spyOn(Date, "now").mockImplementation(() => wall() + ms);
}

const reloads = (it: LambdaFunction): unknown[] =>
  it.log.filter(({ msg }) => /reloaded/.test(String(msg))).map(({ msg }) => msg);

describe("the secrets are read again", () => {
  test("when they are some minutes old, and what is new holds at once", async () => {
    const it = await LambdaFunction.open();
    const client = await it.client();
    await client.challenge();
    expect(it.manager.asked).toHaveLength(1);
    it.changeSecret({ SigningKey: "canary of the next signing key, 32 characters" });
    const before = await client.challenge();
    later(6 * minutes);
    // Signed with a key that is no more: it would have expired, too, but that is told otherwise.
    expect((await client.ask(before)).json).toMatchObject({ code: "challenge_invalid" });
    expect(it.manager.asked).toHaveLength(2);
    expect(reloads(it)).toEqual(["reloaded"]);
    await (await it.client()).challenge();
    expect(it.manager.asked).toHaveLength(2);
    expect(it.text).not.toContain("canary");
  });

  test("soon after GitHub did not take the session, so that a new one works without a deployment", async () => {
    const it = await LambdaFunction.open();
    const { session } = it.world.github;
    const client = await it.client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const { cookie } = session;
    session.cookie = "canary-cookie-of-the-next-two-weeks-000000000000";
    const reply = await client.ask(challenge);
    expect([reply.status, (reply.json as Body).code]).toEqual([503, "github_session_expired"]);
    it.changeSecret({ UserSession: session.cookie });
    later(30_000);
    await expect(client.credentialsIn(await client.ask(challenge))).resolves.toBeDefined();
    expect(cookie).not.toBe(session.cookie);
    expect(it.records.map(({ code }) => code)).toEqual(["github_session_expired", "ok"]);
  });

  test("but not at each request that is refused for it", async () => {
    const it = await LambdaFunction.open();
    it.world.github.session.cookie = "canary-cookie-of-somebody-else-00000000000000000";
    const client = await it.client();
    const challenge = await client.challenge();
    for (let count = 0; count < 3; count++) await client.ask(challenge);
    expect(it.manager.asked.length).toBeLessThanOrEqual(2);
  });

  test.each<[string, (it: LambdaFunction) => void]>([
    ["are bad", (it) => it.changeSecret({ SigningKey: "short" })],
    ["lack what is needed", (it) => it.changeSecret({ UserSession: "" })],
    ["can't be read", (it) => Object.assign(it.manager.secrets, cleared(it.manager.secrets))],
  ])("and stay as they were when the new ones %s", async (_, spoil) => {
    const it = await LambdaFunction.open();
    const client = await it.client();
    spoil(it);
    later(6 * minutes);
    await client.challenge();
    expect(reloads(it)).toEqual(["not reloaded: the old settings stay"]);
    vi.restoreAllMocks();
    await expect(client.obtain()).resolves.toBeDefined();
  });

  test("while Secrets Manager hangs, no job waits long for it", async () => {
    const it = await LambdaFunction.open();
    const client = await it.client();
    it.manager.hang();
    later(6 * minutes);
    const began = performance.now();
    await client.challenge();
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

function cleared(secrets: Record<string, unknown>): Record<string, Error> {
  return Object.fromEntries(Object.keys(secrets).map((id) => [id, new Error("gone")]));
}

describe("a function does not start", () => {
  test.each<[string, object, object, RegExp]>([
    ["on a store of its own", { store: "memory" }, {}, /dynamodb:TABLE/],
    ["with its records on a disk", { audit: { file: "/tmp/audit.jsonl" } }, {}, /stdout/],
    ["without a signing key in common", {}, { SigningKey: "" }, /SigningKey/],
    ["with the secret as it is created", {}, { ApiToken: "", UserSession: "" }, /GITHUB_TOKEN/],
    ["with a configuration that has faults", { limits: { per_run: 1 } }, {}, /./],
  ])("%s, and says why", async (_, settings, secret, told) => {
    const log: string[] = [];
    await expect(
      LambdaFunction.open({ settings, secret, onLog: (text) => log.push(text) }),
    ).rejects.toThrow(told);
    const [line, ...others] = log.join("").trim().split("\n");
    expect(others).toEqual([]);
    expect(JSON.parse(line ?? "")).toMatchObject({ msg: "not started", faults: expect.any(Array) });
    expect(log.join("")).not.toContain("canary");
  });
});
