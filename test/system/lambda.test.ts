import { execFile, spawn } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DynamoDBClient,
  ScanCommand,
} from "@aws-sdk/client-dynamodb";
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { expect, onTestFinished, test } from "vitest";
import { ApiGateway } from "../harness/api-gateway.ts";
import { Client } from "../harness/client.ts";
import { BrokerStack, region, template } from "../harness/broker-stack.ts";
import { configuration } from "../harness/config.ts";
import { makeFolder } from "../server/folder.ts";
import { ask } from "../world/ask.ts";
import { startWorld, type World } from "../world/index.ts";
import { backends, freePort, untilDone } from "./backends.ts";

// The function as it is deployed, in Lambda's own emulator: aws-lambda-rie, the Runtime API that a function
// talks to. Its table and secret are moto's, made as the template says.

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const credentials = { accessKeyId: "AKIABROKER0000000000", secretAccessKey: "canaryOfTheBroker" };
const name = "broker-of-acme";

test("cfn-lint has nothing to say of the template", async () => {
  const { stdout, stderr } = await run("cfn-lint", [template], { cwd: root });
  expect(stdout + stderr).toBe("");
});

interface Aws {
  readonly endpoint: string;
  readonly secretId: string;
  readonly table: string;
  changeSecret(content: object): Promise<void>;
  count(): Promise<number>;
}

/** moto, with the stack's table and secret. */
async function openAws({ github }: World): Promise<Aws> {
  const moto = await backends.dynamodb?.();
  if (!moto) throw new Error("there is no moto");
  onTestFinished(() => moto.remove());
  await moto.start();
  const endpoint = moto.environment.AWS_ENDPOINT_URL_DYNAMODB ?? "";
  const stack = new BrokerStack({ BrokerName: name });
  const { TableName, BillingMode, AttributeDefinitions, KeySchema } = stack.propertiesOf(
    "Table",
  ) as unknown as CreateTableCommandInput;
  const dynamo = new DynamoDBClient({ endpoint, region, credentials });
  await dynamo.send(
    new CreateTableCommand({ TableName, BillingMode, AttributeDefinitions, KeySchema }),
  );
  const manager = new SecretsManagerClient({ endpoint, region, credentials });
  const { Name, GenerateSecretString } = stack.propertiesOf("GithubSecret") as {
    Name: string;
    GenerateSecretString: { SecretStringTemplate: string; GenerateStringKey: string };
  };
  const places = JSON.parse(GenerateSecretString.SecretStringTemplate) as object;
  const signed = { ...places, [GenerateSecretString.GenerateStringKey]: "canary".repeat(10) };
  const secret = JSON.stringify({
    ...signed,
    ApiToken: github.token,
    UserSession: github.session.cookie,
  });
  const { ARN = "" } = await manager.send(new CreateSecretCommand({ Name, SecretString: secret }));
  return {
    endpoint,
    secretId: ARN,
    table: name,
    async changeSecret(content) {
      const SecretString = JSON.stringify({ ...(JSON.parse(secret) as object), ...content });
      await manager.send(new PutSecretValueCommand({ SecretId: ARN, SecretString }));
    },
    async count() {
      return (await dynamo.send(new ScanCommand({ TableName: name }))).Count ?? 0;
    },
  };
}

/** The bundle in a process of its own; what it logs is added to `log`. */
async function openFunction(world: World, aws: Aws, log: string[]): Promise<ApiGateway> {
  const folder = makeFolder();
  copyFileSync(join(root, "dist/lambda/index.mjs"), join(folder, "index.mjs"));
  const settings = { audit: "stdout", store: `dynamodb:${aws.table}` };
  writeFileSync(join(folder, "broker.yml"), configuration(world, "", [], settings));
  const [invocations, runtime] = [await freePort(), await freePort()];
  const emulator = spawn(
    "aws-lambda-rie",
    [
      "--runtime-interface-emulator-address",
      `127.0.0.1:${invocations}`,
      "--runtime-api-address",
      `127.0.0.1:${runtime}`,
      process.execPath,
      join(import.meta.dirname, "lambda-runtime.ts"),
      folder,
    ],
    {
      env: {
        PATH: process.env.PATH,
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_LAMBDA_FUNCTION_TIMEOUT: "29",
        GITHUB_SECRET_ID: aws.secretId,
        ACTIONS2AWS_CONFIG: join(folder, "broker.yml"),
        AWS_ENDPOINT_URL: aws.endpoint,
        AWS_ENDPOINT_URL_STS: world.sts.url,
      },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    },
  );
  for (const stream of [emulator.stdout, emulator.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => log.push(chunk));
  onTestFinished(() => {
    // The emulator and what it has started.
    process.kill(-(emulator.pid ?? 0), "SIGKILL");
  });
  const url = `http://127.0.0.1:${invocations}/2015-03-31/functions/function/invocations`;
  await untilDone(async () => void (await fetch(`http://127.0.0.1:${invocations}/`)));
  const gateway = await ApiGateway.open(async (event) => {
    const response = await fetch(url, { method: "POST", body: JSON.stringify(event) });
    const result = (await response.json()) as { statusCode?: number };
    if (result.statusCode === undefined) throw new Error(JSON.stringify(result));
    return result;
  });
  onTestFinished(() => gateway.close());
  return gateway;
}

test("the function in Lambda's emulator, on moto's DynamoDB and Secrets Manager", async () => {
  const world = await startWorld();
  onTestFinished(() => world.close());
  const { job } = world.github.golden();
  const aws = await openAws(world);
  const log: string[] = [];
  const gateway = await openFunction(world, aws, log);

  const client = await Client.of(world, gateway.url, job);
  const challenge = await client.challenge();
  client.announce(challenge);
  const denied = await client.ask(challenge, { role: "arn:aws:iam::123456789012:role/admin" });
  expect(denied.json).toMatchObject({ code: "role_not_granted" });
  expect(world.sts.journal).toEqual([]);
  const { AccessKeyId, RenewalToken } = await client.credentialsIn(await client.ask(challenge));
  expect(AccessKeyId).toMatch(/^ASIA/);
  expect(await aws.count()).toBeGreaterThan(0);
  await client.credentialsIn(await client.renew(RenewalToken));

  // Another instance: the same signing key, and the same memory of what has been used.
  const other = await openFunction(world, aws, log);
  const again = await ask(
    `${other.url}/v1/credentials`,
    { "content-type": "application/json" },
    {
      method: "POST",
      body: JSON.stringify({
        ...client.who,
        role: "arn:aws:iam::123456789012:role/app-deploy",
        ticket: challenge.ticket,
      }),
    },
  );
  expect(again.json).toMatchObject({ code: "challenge_invalid" });
  expect(world.sts.assumed).toHaveLength(2);

  const records = log
    .join("")
    .split("\n")
    .filter((line) => line.startsWith("{") && line.includes('"msg":"audit"'))
    .map((line) => JSON.parse(line) as { code: string });
  expect(records.map(({ code }) => code)).toEqual([
    "role_not_granted",
    "ok",
    "ok",
    "challenge_invalid",
  ]);
  expect(log.join("")).not.toContain("canary");
});

test("a secret as the template makes it stops the start, and the log says what is missing", async () => {
  const world = await startWorld();
  onTestFinished(() => world.close());
  const aws = await openAws(world);
  await aws.changeSecret({ ApiToken: "", UserSession: "" });
  const log: string[] = [];
  const gateway = await openFunction(world, aws, log);
  expect((await ask(`${gateway.url}/openapi.json`)).status).toBe(500);
  expect(log.join("")).toMatch(/"msg":"not started","faults":\[".*GITHUB_TOKEN/);

  // Filled in, the next instance starts.
  await aws.changeSecret({});
  const other = await openFunction(world, aws, log);
  expect((await ask(`${other.url}/openapi.json`)).status).toBe(200);
});
