import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { Redis } from "ioredis";

/** A store as a process of its own, which can go and come back. */
export interface Backend {
  /** `store` of the configuration. */
  readonly setting: string;
  /** What brokers need to reach it. */
  readonly environment: Record<string, string>;
  start(): Promise<void>;
  /** Keeps its connections, and answers nothing. */
  hang(on: boolean): void;
  /** As a crash does. */
  kill(): Promise<void>;
  remove(): Promise<void>;
}

export const backends: Record<string, () => Promise<Backend>> = {
  redis: redisBackend,
  dynamodb: dynamoBackend,
};

const password = "canary-password-of-the-store";

/** Debian's redis-server: apt-get install -y redis-server */
async function redisBackend(): Promise<Backend> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-redis-"));
  const reachable = ["--port", String(port), "--bind", "127.0.0.1", "--requirepass", password];
  // A real one keeps what it has been told when it comes back.
  const lasting = ["--dir", folder, "--appendonly", "yes", "--appendfsync", "always"];
  const server = new Server("redis-server", [...reachable, ...lasting]);
  return {
    setting: `redis://:${password}@127.0.0.1:${port}`,
    environment: {},
    start: () => server.start(() => answersRedis(port)),
    hang: (on) => server.hang(on),
    kill: () => server.kill(),
    async remove() {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** moto's: pip install 'moto[dynamodb,server]' */
async function dynamoBackend(): Promise<Backend> {
  const port = await freePort();
  const server = new Server("moto_server", ["-H", "127.0.0.1", "-p", String(port)]);
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    setting: "dynamodb:actions2aws",
    environment: { AWS_ENDPOINT_URL_DYNAMODB: endpoint },
    // It forgets everything when it ends, so that the table has to be made anew.
    start: () => server.start(() => makesTable(endpoint)),
    hang: (on) => server.hang(on),
    kill: () => server.kill(),
    remove: () => server.kill(),
  };
}

class Server {
  readonly #command: string;
  readonly #args: readonly string[];
  #process: ChildProcess | null = null;

  constructor(command: string, args: readonly string[]) {
    this.#command = command;
    this.#args = args;
  }

  async start(ready: () => Promise<void>): Promise<void> {
    const child = spawn(this.#command, this.#args, { stdio: "ignore" });
    this.#process = child;
    const failed = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`${this.#command} ended with ${code}`)));
    });
    await Promise.race([failed, untilDone(ready)]);
    failed.catch(() => undefined);
  }

  hang(on: boolean): void {
    this.#process?.kill(on ? "SIGSTOP" : "SIGCONT");
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }
}

async function untilDone(attempt: () => Promise<void>): Promise<void> {
  const end = performance.now() + 30_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
      await sleep(50);
    }
  }
}

async function answersRedis(port: number): Promise<void> {
  const redis = new Redis(port, "127.0.0.1", { password, retryStrategy: () => null });
  redis.on("error", () => undefined);
  try {
    await redis.ping();
  } finally {
    redis.disconnect();
  }
}

async function makesTable(endpoint: string): Promise<void> {
  const credentials = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "secret" };
  const client = new DynamoDBClient({ endpoint, region: "eu-central-1", credentials });
  await client.send(
    new CreateTableCommand({
      TableName: "actions2aws",
      AttributeDefinitions: [{ AttributeName: "key", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "key", KeyType: "HASH" }],
      BillingMode: "PAY_PER_REQUEST",
    }),
  );
  client.destroy();
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
