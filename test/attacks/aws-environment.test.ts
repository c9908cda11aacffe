import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Broker, type BrokerFiles, type LogLine } from "../harness/broker.ts";
import { configuration } from "../harness/config.ts";
import { each } from "../harness/identity-verdict.ts";
import { scriptedSecretsManager } from "../server/scripted-secrets-manager.ts";
import { startWorld, type World } from "../world/index.ts";

/** Somewhere that is not AWS; nobody listens there, and at start nobody is asked. */
const elsewhere = "http://127.0.0.1:9";
const dynamo = { store: "dynamodb:actions2aws" };

interface Steered {
  readonly env: Record<string, string>;
  readonly settings?: object;
  /** Of `~/.aws/config`. */
  readonly profile?: string;
  readonly warns: Readonly<Record<string, unknown>>;
}

const endpoint = (service: string): Steered["warns"] => ({
  endpoint: elsewhere,
  msg: `AWS ${service} is not AWS's own: AWS_ENDPOINT_URL or a profile`,
});
const variable = (name: string, value: string): Steered["warns"] => ({ variable: name, value });

const steered: Record<string, Steered> = {
  "AWS_ENDPOINT_URL_STS leads elsewhere": {
    env: { AWS_ENDPOINT_URL_STS: `${elsewhere}/path?of=it` },
    warns: endpoint("STS"),
  },
  "AWS_ENDPOINT_URL leads elsewhere": {
    env: { AWS_ENDPOINT_URL: elsewhere, AWS_ENDPOINT_URL_STS: "" },
    warns: endpoint("STS"),
  },
  "AWS_ENDPOINT_URL_DYNAMODB leads the store elsewhere": {
    env: { AWS_ENDPOINT_URL_DYNAMODB: elsewhere },
    settings: dynamo,
    warns: endpoint("DynamoDB"),
  },
  "AWS_ENDPOINT_URL leads the store elsewhere": {
    env: { AWS_ENDPOINT_URL: elsewhere },
    settings: dynamo,
    warns: endpoint("DynamoDB"),
  },
  "a profile's endpoint_url leads elsewhere": {
    env: { AWS_ENDPOINT_URL_STS: "" },
    profile: `[default]\nendpoint_url = ${elsewhere}\n`,
    warns: endpoint("STS"),
  },
  "a profile's services section leads elsewhere": {
    env: { AWS_ENDPOINT_URL_STS: "" },
    profile: `[default]\nservices = ours\n[services ours]\nsts =\n  endpoint_url = ${elsewhere}\n`,
    warns: endpoint("STS"),
  },
  "AWS_PROFILE chooses the credentials": {
    env: { AWS_PROFILE: "admin" },
    warns: variable("AWS_PROFILE", "admin"),
  },
  "AWS_CONFIG_FILE is another": {
    env: { AWS_CONFIG_FILE: "/tmp/config" },
    warns: variable("AWS_CONFIG_FILE", "/tmp/config"),
  },
  "AWS_SHARED_CREDENTIALS_FILE is another": {
    env: { AWS_SHARED_CREDENTIALS_FILE: "/tmp/credentials" },
    warns: variable("AWS_SHARED_CREDENTIALS_FILE", "/tmp/credentials"),
  },
  "the metadata service is another": {
    env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: `${elsewhere}/` },
    warns: variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", elsewhere),
  },
  "the container's credentials come from another address": {
    env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${elsewhere}/canary?token=canary` },
    warns: variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", elsewhere),
  },
  "AWS_CA_BUNDLE is set, which is not read": {
    env: { AWS_CA_BUNDLE: "/tmp/ca.pem" },
    warns: variable("AWS_CA_BUNDLE", "/tmp/ca.pem"),
  },
};

/** How brokers run at AWS: none of this is worth a word. */
const usual: Record<string, Omit<Steered, "warns">> = {
  "the machine's own credentials": {
    env: { AWS_ENDPOINT_URL_STS: "", AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" },
  },
  "ECS, and a table": {
    env: { AWS_ENDPOINT_URL_STS: "", AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/credentials/x" },
    settings: dynamo,
  },
  "EKS Pod Identity": {
    env: {
      AWS_ENDPOINT_URL_STS: "",
      AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://169.254.170.23/v1/credentials",
    },
  },
  "an endpoint for a service that is not asked": {
    env: { AWS_ENDPOINT_URL_STS: "", AWS_ENDPOINT_URL_DYNAMODB: elsewhere },
  },
};

let world: World;
const folder = mkdtempSync(join(tmpdir(), "actions2aws-aws-"));
beforeAll(async () => {
  world = await startWorld();
});
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

/** What a broker that is started so has warned of when it listens. */
async function warningsOf(it: Omit<Steered, "warns">): Promise<LogLine[]> {
  const { env, settings = {}, profile } = it;
  const home = mkdtempSync(join(folder, "home-"));
  mkdirSync(join(home, ".aws"));
  if (profile !== undefined) writeFileSync(join(home, ".aws/config"), profile);
  const files: BrokerFiles = { config: join(home, "broker.yml"), audit: join(home, "audit.jsonl") };
  writeFileSync(files.config, configuration(world, files.audit, [], settings));
  const broker = await Broker.start(world, files, { env: { HOME: home, ...env } });
  expect(await broker.stop()).toBe(0);
  expect(broker.stdout).not.toContain("canary");
  return broker.log.filter(({ level }) => level === 40);
}

describe("whatever leads the broker to another AWS is warned of at its start (A-14)", () => {
  test("where it is somewhere else than usual", async () => {
    const cases = Object.entries(steered);
    const told = await each(cases, async ([, it]) => [it.warns, await warningsOf(it)] as const, 4);
    for (const [index, [warns, warnings]] of told.entries())
      expect(warnings, cases[index]?.[0]).toContainEqual(expect.objectContaining(warns));
  });

  test("where the broker's own secrets come from", async () => {
    const { github } = world;
    const manager = await scriptedSecretsManager({
      ours: JSON.stringify({ ApiToken: github.token, UserSession: github.session.cookie }),
    });
    const warnings = await warningsOf({
      env: {
        GITHUB_SECRET_ID: "ours",
        GITHUB_TOKEN: "",
        GITHUB_USER_SESSION: "",
        AWS_ENDPOINT_URL_SECRETS_MANAGER: manager.url,
      },
    });
    const { msg } = endpoint("Secrets Manager");
    expect(warnings).toContainEqual(expect.objectContaining({ endpoint: manager.url, msg }));
  });

  test("and nothing is said of what is as it is at AWS", async () => {
    const told = await each(Object.values(usual), warningsOf, 4);
    expect(told).toEqual(told.map(() => []));
  });
});
