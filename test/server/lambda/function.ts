import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { onTestFinished, vi } from "vitest";
import { openHandler } from "../../../src/server/lambda/handler.ts";
import { ApiGateway } from "../../harness/api-gateway.ts";
import { Client } from "../../harness/client.ts";
import { configuration, type Grant } from "../../harness/config.ts";
import { type Golden, startWorld, type World } from "../../world/index.ts";
import { makeFolder } from "../folder.ts";
import type { Line } from "../operated.ts";
import { scriptedSecretsManager } from "../scripted-secrets-manager.ts";
import { scriptedDynamoDB } from "./scripted-dynamodb.ts";

export const publicUrl = "https://broker.example.com";
const secretId = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:actions2aws-AbCdEf";

export interface FunctionOptions {
  readonly grants?: readonly Grant[];
  readonly settings?: object;
  /** Changes of the secret. */
  readonly secret?: object;
  /** Told of what is logged by a function that does not start. */
  readonly onLog?: (text: string) => void;
}

/** The broker as a function of Lambda's, behind an API Gateway, in a world of its own. */
export class LambdaFunction {
  readonly world: World;
  readonly golden: Golden;
  readonly gateway: ApiGateway;
  readonly dynamo: Awaited<ReturnType<typeof scriptedDynamoDB>>;
  readonly manager: Awaited<ReturnType<typeof scriptedSecretsManager>>;
  readonly #output: PassThrough;
  #log = "";

  private constructor(
    parts: Pick<LambdaFunction, "world" | "gateway" | "dynamo" | "manager">,
    output: PassThrough,
  ) {
    this.world = parts.world;
    this.golden = parts.world.github.golden();
    this.gateway = parts.gateway;
    this.dynamo = parts.dynamo;
    this.manager = parts.manager;
    this.#output = output;
  }

  static async open({
    grants = [],
    settings = {},
    secret = {},
    onLog,
  }: FunctionOptions = {}): Promise<LambdaFunction> {
    const world = await startWorld();
    const [dynamo, manager] = await Promise.all([scriptedDynamoDB(), scriptedSecretsManager({})]);
    const folder = makeFolder();
    const more = {
      public_url: publicUrl,
      audit: "stdout",
      store: "dynamodb:actions2aws",
      ...settings,
    };
    writeFileSync(join(folder, "broker.yml"), configuration(world, "", grants, more));
    manager.secrets[secretId] = secretOf(world, secret);
    vi.stubEnv("AWS_ENDPOINT_URL_STS", world.sts.url);
    vi.stubEnv("AWS_ENDPOINT_URL_DYNAMODB", dynamo.url);
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIABROKER0000000000");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "canaryOfTheBroker");
    const environment = {
      LAMBDA_TASK_ROOT: folder,
      AWS_REGION: "eu-west-1",
      GITHUB_SECRET_ID: secretId,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: manager.url,
    };
    const output = new PassThrough();
    const opened = await openHandler(environment, output).catch(async (error: unknown) => {
      onLog?.(String(output.read() ?? ""));
      await world.close();
      throw error;
    });
    const gateway = await ApiGateway.open(opened.handler);
    onTestFinished(async () => {
      gateway.close();
      await world.close();
      await opened.close();
      vi.unstubAllEnvs();
    });
    return new LambdaFunction({ world, gateway, dynamo, manager }, output);
  }

  /** Puts another secret in the place of the one that there is. */
  changeSecret(changes: object): void {
    this.manager.secrets[secretId] = secretOf(this.world, changes);
  }

  get text(): string {
    this.#log += String(this.#output.read() ?? "");
    return this.#log;
  }

  get log(): Line[] {
    const lines = this.text.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as Line);
  }

  get records(): Line[] {
    return this.log.filter(({ msg }) => msg === "audit");
  }

  /** In the golden job, or another. */
  client(job = this.golden.job): Promise<Client> {
    return Client.of(this.world, this.gateway.url, job);
  }
}

function secretOf({ github }: World, changes: object = {}): string {
  return JSON.stringify({
    ApiToken: github.token,
    UserSession: github.session.cookie,
    SigningKey: "canary of a signing key, 32 characters",
    ...changes,
  });
}
