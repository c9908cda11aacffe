import { createPrivateKey } from "node:crypto";
import { describe, expect, onTestFinished, test } from "vitest";
import { Secret } from "../../../src/core/secret.ts";
import { AppTokens, parseAppKey } from "../../../src/server/github/app-tokens.ts";
import { RestFacts } from "../../../src/server/github/facts.ts";
import { GitHubRest } from "../../../src/server/github/rest.ts";
import { Network } from "../../../src/server/network.ts";
import { code } from "../../core/golden.ts";
import { startWorld } from "../../world/index.ts";
import { runAddress } from "./parts.ts";

const minute = 60_000;

/** An App, installed for acme and for beta, on a clock that a test moves, in GitHub too. */
async function open() {
  const start = Date.now();
  const clock = { now: start };
  const world = await startWorld({ now: () => clock.now });
  const { github } = world;
  github.golden();
  const { app, privateKey } = github.installApp("acme");
  app.installations.push({ id: 3_002, account: "Beta", repositories: null });
  const network = new Network({ random: () => 0 });
  onTestFinished(async () => {
    await network.close();
    await world.close();
  });
  const tokens = new AppTokens({
    app: { id: String(app.id), privateKey: createPrivateKey(privateKey) },
    apiUrl: github.apiUrl,
    network,
    clock: { wall: () => clock.now, steady: () => clock.now - start + 1_000_000 },
  });
  const facts = new RestFacts(
    new GitHubRest({
      apiUrl: github.apiUrl,
      token: (owner, refused) => tokens.token(owner, refused),
      budgetOf: (owner) => owner,
      network,
      now: () => clock.now,
    }),
  );
  const made = (): string[] =>
    github.api.journal.filter(({ method }) => method === "POST").map(({ path }) => path);
  const take = async (owner = "acme"): Promise<string> => (await tokens.token(owner)).reveal();
  return { world, github, app, clock, tokens, facts, made, take };
}

describe("a token of the App's", () => {
  test("is made once for each owner, in whatever case its name comes", async () => {
    const { made, take } = await open();
    const tokens = [await take("acme"), await take("ACME"), await take("beta"), await take("Beta")];
    expect(new Set(tokens).size).toBe(2);
    expect(made()).toEqual([
      "/app/installations/3001/access_tokens",
      "/app/installations/3002/access_tokens",
    ]);
  });

  test("is made once for a hundred who ask at the same time", async () => {
    const { made, take } = await open();
    const tokens = await Promise.all(Array.from({ length: 100 }, () => take()));
    expect(new Set(tokens).size).toBe(1);
    expect(made()).toHaveLength(1);
  });

  test("is renewed five minutes before it ends, and not before", async () => {
    const { made, take, clock } = await open();
    const first = await take();
    clock.now += 54 * minute;
    expect(await take()).toBe(first);
    clock.now += 1.1 * minute;
    expect(await take()).not.toBe(first);
    expect(made()).toHaveLength(2);
  });

  test("goes on to its end while GitHub makes no new one, and no longer", async () => {
    const { github, take, clock } = await open();
    const first = await take();
    github.api.fault({ match: /access_tokens/, status: 502 });
    clock.now += 58 * minute;
    expect(await take()).toBe(first);
    clock.now += 3 * minute;
    await expect(take()).rejects.toThrow(code("github_unavailable"));
  });

  test("that was revoked is put by: the call is made again with a new one, once", async () => {
    const { github, facts, made, clock } = await open();
    await facts.run(runAddress, 0);
    github.installationTokens.clear();
    clock.now += 1;
    await expect(facts.run(runAddress, clock.now)).resolves.toMatchObject({ at: clock.now });
    expect(made()).toHaveLength(2);
    // Refused again and again, it is an error and not a loop.
    github.api.fault({ match: /runs\/5001$/, status: 401 });
    clock.now += 1;
    await expect(facts.run(runAddress, clock.now)).rejects.toThrow(code("github_unavailable"));
    expect(made()).toHaveLength(3);
  });

  test("refused to a hundred at once is replaced once", async () => {
    const { github, tokens, take, made } = await open();
    const first = await tokens.token("acme");
    github.installationTokens.clear();
    const others = await Promise.all(
      Array.from({ length: 100 }, () => tokens.token("acme", first)),
    );
    expect(new Set(others.map((token) => token.reveal())).size).toBe(1);
    // Who comes late with the old one gets the new one, too.
    expect((await tokens.token("acme", first)).reveal()).toBe(await take());
    expect(made()).toHaveLength(2);
  });

  test("is found again after the App was taken away and installed anew", async () => {
    const { app, take, made, clock } = await open();
    await take();
    const [installation] = app.installations;
    if (installation) installation.id = 3_009;
    clock.now += 56 * minute;
    await take();
    expect(made()).toEqual([
      "/app/installations/3001/access_tokens",
      "/app/installations/3001/access_tokens",
      "/app/installations/3009/access_tokens",
    ]);
  });
});

describe("an owner that has not installed the App", () => {
  test("is told so to the operator, and costs the others nothing", async () => {
    const { take, made } = await open();
    await expect(take("mallory")).rejects.toMatchObject({
      code: "github_unavailable",
      note: "the GitHub App is not installed for mallory",
    });
    await expect(take("acme")).resolves.toMatch(/^ghs_/);
    expect(made()).toHaveLength(1);
  });

  test("or has suspended it", async () => {
    const { github, take } = await open();
    github.api.transform<Record<string, unknown>[]>(
      (list) => {
        for (const entry of list) entry["suspended_at"] = "2026-01-01T00:00:00Z";
      },
      { match: /\/app\/installations\?/ },
    );
    await expect(take()).rejects.toMatchObject({ note: "acme has suspended the GitHub App" });
  });
});

test("a rate limit that one owner has used up stops that owner alone", async () => {
  const { github, facts } = await open();
  github.addRepository({ owner: "beta", name: "app", id: 2_001 });
  github.api.fault({
    match: /repos\/acme/,
    status: 403,
    headers: { "retry-after": "60" },
    times: 1,
  });
  const acme = { ...runAddress };
  await expect(facts.run(acme, 0)).rejects.toThrow(code("github_rate_limited"));
  await expect(facts.run(acme, 0)).rejects.toThrow(code("github_rate_limited"));
  const beta = { ...runAddress, repository: "beta/app" };
  await expect(facts.run(beta, 0)).rejects.toThrow(code("job_not_found"));
});

describe("the App's own token", () => {
  test("is signed with its key, for less than ten minutes, from a minute ago", async () => {
    const { github, take, clock } = await open();
    await take();
    const { authorization = "" } = github.api.journal[0]?.headers ?? {};
    const [header, payload] = authorization
      .replace("Bearer ", "")
      .split(".")
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, "base64url").toString()) as object);
    const now = Math.floor(clock.now / 1_000);
    expect(header).toEqual({ alg: "RS256" });
    expect(payload).toEqual({ iss: "2001", iat: now - 60, exp: now + 480 });
  });

  test.each([
    ["is refused", { status: 401 }],
    ["gets a page", { body: "<html>" }],
    ["gets half an answer", { truncate: true }],
  ])("%s: an error without any of it", async (_, fault) => {
    const { github, tokens } = await open();
    github.api.fault(fault);
    const error: unknown = await tokens.token("acme").catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "github_unavailable" });
    expect(JSON.stringify(error) + String(error)).not.toMatch(/eyJ|ghs_/);
  });
});

describe("the App's private key", () => {
  test("is PEM of PKCS#1 or PKCS#8, with line ends or with \\n for them", async () => {
    const { github } = await open();
    const pkcs1 = github.installApp().privateKey;
    const pkcs8 = createPrivateKey(pkcs1).export({ type: "pkcs8", format: "pem" }).toString();
    for (const pem of [pkcs1, pkcs8, pkcs1.trim(), pkcs8.replaceAll("\n", "\\n")]) {
      expect(parseAppKey(new Secret(pem))?.type).toBe("private");
    }
  });

  test.each([
    ["nonsense"],
    [""],
    ["-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"],
  ])("and not %j", (text) => {
    expect(parseAppKey(new Secret(text))).toBeNull();
  });
});
