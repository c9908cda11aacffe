import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { EnvironmentError } from "../../src/server/environment-error.ts";
import type { World } from "../world/index.ts";
import { grantLike } from "../harness/config.ts";
import { Operated } from "./operated.ts";
import { scriptedSecretsManager } from "./scripted-secrets-manager.ts";

const neither = { GITHUB_TOKEN: undefined, GITHUB_USER_SESSION: undefined };

function asApp({ github }: World): Record<string, string> {
  const { privateKey } = github.installApp("acme");
  return { GITHUB_APP_ID: "2001", GITHUB_APP_PRIVATE_KEY: privateKey };
}

beforeEach(() => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIABROKER0000000000");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "canaryOfTheBroker");
});

describe("as a GitHub App", () => {
  test("a job gets its role, and nothing is asked with any other token", async () => {
    const it = await Operated.open({ environment: { GITHUB_TOKEN: undefined }, before: asApp });
    await expect((await it.client()).obtain()).resolves.toMatchObject({
      AccessKeyId: expect.stringMatching(/^ASIA/),
    });
    const sent = it.world.github.api.journal.map(({ path, headers }) => [
      path.startsWith("/app/"),
      /^Bearer (ghs_|eyJ)/.exec(headers.authorization ?? "")?.[1],
    ]);
    for (const [ownRoute, kind] of sent) expect(kind).toBe(ownRoute ? "eyJ" : "ghs_");
    expect(it.text).not.toMatch(/canary|ghs_|eyJ|PRIVATE/);
  });

  test("from files as well", async () => {
    const it = await Operated.open({
      environment: { GITHUB_TOKEN: undefined },
      before: (world, folder) => {
        const { privateKey } = world.github.installApp("acme");
        const [id, key] = [join(folder, "id"), join(folder, "key.pem")];
        writeFileSync(id, "Iv23liSimulated\n", { mode: 0o600 });
        writeFileSync(key, privateKey, { mode: 0o600 });
        return { GITHUB_APP_ID_FILE: id, GITHUB_APP_PRIVATE_KEY_FILE: key };
      },
    });
    await expect((await it.client()).obtain()).resolves.toMatchObject({
      AccessKeyId: expect.stringMatching(/^ASIA/),
    });
  });
});

describe("from Secrets Manager", () => {
  const both = (world: World): string =>
    JSON.stringify({ ApiToken: world.github.token, UserSession: world.github.session.cookie });

  test("token and session, as in the original", async () => {
    const manager = await scriptedSecretsManager({});
    const it = await Operated.open({
      environment: {
        ...neither,
        GITHUB_SECRET_ID: "actions2aws/github",
        AWS_ENDPOINT_URL_SECRETS_MANAGER: manager.url,
      },
      before: (world) => {
        manager.secrets["actions2aws/github"] = both(world);
      },
    });
    await expect((await it.client()).obtain()).resolves.toMatchObject({
      AccessKeyId: expect.stringMatching(/^ASIA/),
    });
    expect(manager.asked).toMatchObject([{ id: "actions2aws/github" }]);
    expect(it.text).not.toContain("canary");
  });

  test("the session alone, beside an App; an ARN says its region", async () => {
    const id = "arn:aws:secretsmanager:eu-west-3:123456789012:secret:github-AbCdEf";
    const manager = await scriptedSecretsManager({});
    const it = await Operated.open({
      environment: { ...neither, GITHUB_SECRET_ID: id, AWS_ENDPOINT_URL: manager.url },
      before: (world) => {
        manager.secrets[id] = JSON.stringify({
          UserSession: world.github.session.cookie,
          Other: 1,
        });
        return asApp(world);
      },
    });
    await expect((await it.client()).obtain()).resolves.toMatchObject({
      AccessKeyId: expect.stringMatching(/^ASIA/),
    });
    expect(manager.asked[0]?.authorization).toContain("/eu-west-3/secretsmanager/");
  });

  test("the signing key, and an App: instances have all of it from one place", async () => {
    const manager = await scriptedSecretsManager({});
    const environment = {
      ...neither,
      GITHUB_SECRET_ID: "x",
      AWS_ENDPOINT_URL_SECRETS_MANAGER: manager.url,
    };
    const stored = (world: World): string => {
      const { GITHUB_APP_ID: AppId, GITHUB_APP_PRIVATE_KEY: AppPrivateKey } = asApp(world);
      return JSON.stringify({
        ApiToken: "",
        AppId,
        AppPrivateKey,
        UserSession: world.github.session.cookie,
        SigningKey: "canary of a signing key, 32 characters",
      });
    };
    const before = (world: World): void => {
      manager.secrets.x = stored(world);
    };
    const it = await Operated.open({ environment, before });
    const client = await it.client();
    const challenge = await client.challenge();
    client.announce(challenge);
    expect(it.text).not.toMatch(/ACTIONS2AWS_SIGNING_KEY is not set/);
    // Another instance on the same secret: its signatures are the same, as a reload shows.
    await it.broker.reload();
    await expect(client.credentialsIn(await client.ask(challenge))).resolves.toMatchObject({
      AccessKeyId: expect.stringMatching(/^ASIA/),
    });
    expect(it.log).toContainEqual(
      expect.objectContaining({ msg: "reloaded", secrets: "unchanged" }),
    );
  });

  test.each([
    ["is short", "x".repeat(31), {}, /^ACTIONS2AWS_SIGNING_KEY must be 32 characters/],
    [
      "is given as well",
      "x".repeat(32),
      { ACTIONS2AWS_SIGNING_KEY: "y".repeat(32) },
      /^ACTIONS2AWS_SIGNING_KEY and SigningKey .*both set/,
    ],
  ])("a signing key that %s stops the start", async (_, SigningKey, more, told) => {
    const manager = await scriptedSecretsManager({ x: JSON.stringify({ SigningKey }) });
    const environment = {
      ...more,
      GITHUB_SECRET_ID: "x",
      AWS_ENDPOINT_URL_SECRETS_MANAGER: manager.url,
    };
    expect((await refusal(environment)).message).toMatch(told);
  });

  test.each([
    ["is not there", new Error("x"), "can't be read (Error)"],
    ["is not for the broker", errorNamed("AccessDeniedException"), "(AccessDeniedException)"],
    ["is not JSON", "canary", "must be JSON with ApiToken or UserSession"],
    ["is a list", '["canary"]', "must be JSON with ApiToken or UserSession"],
    ["has other names", '{"apitoken":"canary"}', "must be JSON with ApiToken or UserSession"],
    ["holds no text", '{"ApiToken":{"canary":1}}', "must be JSON with ApiToken or UserSession"],
    ["is empty", '{"ApiToken":"","UserSession":" "}', "must be JSON with ApiToken or UserSession"],
  ])("a secret that %s is named, and nothing of its content", async (_, content, told) => {
    const manager = await scriptedSecretsManager({ "my/secret": content });
    const environment = {
      ...neither,
      GITHUB_SECRET_ID: "my/secret",
      AWS_ENDPOINT_URL_SECRETS_MANAGER: manager.url,
    };
    const error = await refusal(environment);
    expect(error.message).toContain("my/secret");
    expect(error.message).toContain(told);
    expect(error.message).not.toContain("canary");
  });

  test("with a token given as well, it is not guessed which is meant", async () => {
    const manager = await scriptedSecretsManager({ x: '{"ApiToken":"canary"}' });
    const environment = { GITHUB_SECRET_ID: "x", AWS_ENDPOINT_URL_SECRETS_MANAGER: manager.url };
    expect((await refusal(environment)).message).toMatch(/^GITHUB_TOKEN and ApiToken .*both set/);
  });
});

describe("a broker does not start", () => {
  test.each([
    [
      "with a token and an App",
      { GITHUB_APP_ID: "1", GITHUB_APP_PRIVATE_KEY: "PEM" },
      /GITHUB_TOKEN and GITHUB_APP_ID are both set: give one of them/,
    ],
    [
      "with an App's id alone",
      { GITHUB_TOKEN: undefined, GITHUB_APP_ID: "1" },
      /GITHUB_APP_PRIVATE_KEY \(or GITHUB_APP_PRIVATE_KEY_FILE\) is not set/,
    ],
    [
      "with an App's key alone",
      { GITHUB_TOKEN: undefined, GITHUB_APP_PRIVATE_KEY: "PEM" },
      /GITHUB_APP_ID \(or GITHUB_APP_ID_FILE\) is not set/,
    ],
    [
      "with a key that is none",
      { GITHUB_TOKEN: undefined, GITHUB_APP_ID: "1", GITHUB_APP_PRIVATE_KEY: "canary" },
      /GITHUB_APP_PRIVATE_KEY is not an RSA private key in PEM$/,
    ],
    [
      "without any, when a grant wants the log proof",
      neither,
      /GITHUB_TOKEN \(or GITHUB_TOKEN_FILE\) is not set, nor GITHUB_APP_ID .*grant app-deploy/,
    ],
    [
      "without a session, when a grant wants the log proof",
      { GITHUB_USER_SESSION: undefined },
      /GITHUB_USER_SESSION \(or GITHUB_USER_SESSION_FILE\) is not set.*grant app-deploy/,
    ],
  ])("%s", async (_, environment, message) => {
    const pem = (world: World): Record<string, string> =>
      "GITHUB_APP_PRIVATE_KEY" in environment && environment.GITHUB_APP_PRIVATE_KEY === "PEM"
        ? { GITHUB_APP_PRIVATE_KEY: world.github.installApp().privateKey }
        : {};
    const error = await refusal(environment, pem);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("canary");
  });
});

test("a broker for OIDC alone needs neither token nor session", async () => {
  const it = await Operated.open({ environment: {} });
  const oidc = grantLike("app-deploy", { proof: "oidc", job: undefined, step: undefined });
  it.configure([], (text) => {
    const config = JSON.parse(text) as Record<string, unknown>;
    return JSON.stringify({ ...config, public_url: "https://broker.example.com", grants: [oidc] });
  });
  const environment = { ...neither };
  const other = await Operated.open({ environment, options: { config: it.config } });
  expect((await other.get("/readyz")).json).toMatchObject({
    ready: true,
    checks: { github_api: { state: "not_needed" }, github_session: { state: "not_needed" } },
  });
});

test("F-14: a secret's file that others may read is told of", async () => {
  const it = await Operated.open({
    environment: { GITHUB_TOKEN: undefined },
    before: (world, folder) => {
      const path = join(folder, "token");
      writeFileSync(path, world.github.token, { mode: 0o644 });
      return { GITHUB_TOKEN_FILE: path };
    },
  });
  const path = join(it.folder, "token");
  expect(it.log).toContainEqual(
    expect.objectContaining({ name: "GITHUB_TOKEN_FILE", path, mode: "0644" }),
  );
});

function errorNamed(name: string): Error {
  return Object.assign(new Error("x"), { name });
}

async function refusal(
  environment: Record<string, string | undefined>,
  before?: (world: World) => Record<string, string>,
): Promise<EnvironmentError> {
  const opened: unknown = await Operated.open({ environment, ...(before && { before }) }).catch(
    (error: unknown) => error,
  );
  if (!(opened instanceof EnvironmentError))
    throw new Error("it should not have started", { cause: opened });
  return opened;
}
