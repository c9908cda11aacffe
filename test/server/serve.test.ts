import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { ConfigError } from "../../src/server/config.ts";
import { type ServeOptions, startBroker } from "../../src/server/serve.ts";
import { goldenGrant } from "./broker.ts";
import { makeFolder } from "./folder.ts";

beforeEach(() => vi.stubEnv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1"));
afterEach(() => vi.unstubAllEnvs());

const secrets = { GITHUB_TOKEN: "canaryToken", GITHUB_USER_SESSION: "canarySession" };

async function start(
  options: Partial<ServeOptions> = {},
  environment: NodeJS.ProcessEnv = secrets,
  config = `grants:${goldenGrant}`,
) {
  const path = join(makeFolder(), "config.yaml");
  writeFileSync(path, config);
  const output = new PassThrough();
  const given = { ...environment };
  const broker = await startBroker(
    { config: path, listen: "127.0.0.1:0", version: "0.0.0", ...options },
    given,
    output,
  );
  onTestFinished(() => broker.stop());
  const lines = String(output.read())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { broker, lines, given };
}

test("a broker that is ready says so in one line, with its address", async () => {
  const { broker, lines } = await start();
  const ready = lines.filter(({ msg }) => msg === "listening");
  expect(ready).toMatchObject([{ url: broker.url, grants: 1 }]);
  expect(broker.url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
  expect((await fetch(`${broker.url}/nothing`)).status).toBe(404);
});

test("F-13: secrets are gone from the environment, and in no line of the log", async () => {
  const { lines, given } = await start(
    {},
    {
      ...secrets,
      ACTIONS2AWS_SIGNING_KEY: "canary of a signing key, 32 characters",
      ACTIONS2AWS_SIGNING_KEY_PREVIOUS: "canary of a key before it, 32 characters",
    },
  );
  expect(given).toEqual({});
  expect(JSON.stringify(lines)).not.toContain("canary");
});

describe("what the operator should look at is told", () => {
  test.each([
    [
      "a grant without repository_id",
      {},
      `grants:${goldenGrant.replace(/.*repository_id.*\n/, "")}`,
      /without repository_id/,
    ],
    ["a made-up signing key", {}, undefined, /ACTIONS2AWS_SIGNING_KEY is not set/],
    [
      "A-14: another STS",
      { AWS_ENDPOINT_URL_STS: "http://127.0.0.1:1" },
      undefined,
      /not AWS's own/,
    ],
  ])("%s", async (_, more, config, expected) => {
    const { lines } = await start({}, { ...secrets, ...more }, config);
    expect(lines.map(({ msg }) => msg)).toContainEqual(expect.stringMatching(expected));
  });
});

describe("what does not fit stops the start", () => {
  test.each<[string, NodeJS.ProcessEnv, Partial<ServeOptions>, RegExp]>([
    ["no token", { GITHUB_USER_SESSION: "x" }, {}, /GITHUB_TOKEN/],
    [
      "a short signing key",
      { ...secrets, ACTIONS2AWS_SIGNING_KEY: "x".repeat(31) },
      {},
      /^ACTIONS2AWS_SIGNING_KEY must be 32 characters/,
    ],
    [
      "a short signing key before it",
      {
        ...secrets,
        ACTIONS2AWS_SIGNING_KEY: "x".repeat(32),
        ACTIONS2AWS_SIGNING_KEY_PREVIOUS: "x".repeat(31),
      },
      {},
      /^ACTIONS2AWS_SIGNING_KEY_PREVIOUS must be 32 characters/,
    ],
    [
      "a signing key that nothing comes after",
      { ...secrets, ACTIONS2AWS_SIGNING_KEY_PREVIOUS: "x".repeat(32) },
      {},
      /set ACTIONS2AWS_SIGNING_KEY$/,
    ],
    [
      "F-21: TLS that is not verified",
      { ...secrets, NODE_TLS_REJECT_UNAUTHORIZED: "0" },
      {},
      /NODE_TLS_REJECT_UNAUTHORIZED/,
    ],
    [
      "a file of a secret that is not there",
      { ...secrets, GITHUB_TOKEN: "", GITHUB_TOKEN_FILE: "/nowhere" },
      {},
      /GITHUB_TOKEN_FILE/,
    ],
    ["no port", secrets, { listen: "127.0.0.1" }, /HOST:PORT/],
    ["a port too large", secrets, { listen: "127.0.0.1:65536" }, /HOST:PORT/],
    ["no host", secrets, { listen: ":8080" }, /HOST:PORT/],
    ["an IPv6 host without brackets", secrets, { listen: "::1:8080" }, /HOST:PORT/],
    [
      "made-up credentials for all the world",
      secrets,
      { listen: "0.0.0.0:0", simulateAws: true },
      /loopback/,
    ],
  ])("%s", async (_, environment, options, message) => {
    await expect(start(options, environment)).rejects.toMatchObject({
      name: "EnvironmentError",
      message: expect.stringMatching(message),
    });
  });

  test("F-12: a configuration with faults", async () => {
    await expect(start({}, secrets, "grants: []")).rejects.toThrow(ConfigError);
    await expect(start({}, secrets, "")).rejects.toThrow(ConfigError);
  });

  test("F-12: a configuration that is not there, or is a folder", async () => {
    await expect(start({ config: "/nowhere/config.yaml" })).rejects.toThrow(/ENOENT/);
    await expect(start({ config: makeFolder() })).rejects.toThrow(/EISDIR/);
  });

  test("a recording that is none", async () => {
    await expect(start({ recording: makeFolder(), simulateAws: true })).rejects.toMatchObject({
      code: "github_unavailable",
    });
  });
});
