import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { onTestFinished, vi } from "vitest";
import { type Running, type ServeOptions, startBroker } from "../../src/server/serve.ts";
import { Client } from "../harness/client.ts";
import { configuration, type Grant } from "../harness/config.ts";
import { ask, type Reply } from "../world/ask.ts";
import { type Golden, startWorld, type World } from "../world/index.ts";
import { makeFolder } from "./folder.ts";

export type Line = Readonly<Record<string, unknown>>;

export interface OperatedOptions {
  grants?: readonly Grant[];
  /** Given besides, or in place of, the usual environment. Undefined takes a variable away. */
  environment?: Readonly<Record<string, string | undefined>>;
  /** What is done to the world before the broker starts; what it returns is added to the environment. */
  before?: (world: World, folder: string) => Readonly<Record<string, string | undefined>> | void;
  options?: Partial<ServeOptions>;
}

/** A broker with its operator's side: configuration and secrets to change, a log, and the admin listener. */
export class Operated {
  readonly world: World;
  readonly golden: Golden;
  readonly folder: string;
  readonly broker: Running;
  readonly #output: PassThrough;
  #log = "";

  private constructor(
    world: World,
    golden: Golden,
    folder: string,
    broker: Running,
    output: PassThrough,
  ) {
    this.world = world;
    this.golden = golden;
    this.folder = folder;
    this.broker = broker;
    this.#output = output;
  }

  static async open({
    grants = [],
    environment = {},
    before,
    options = {},
  }: OperatedOptions = {}): Promise<Operated> {
    const world = await startWorld();
    const { github, sts } = world;
    const golden = github.golden();
    const folder = makeFolder();
    const config = join(folder, "config.yaml");
    writeFileSync(config, configuration(world, join(folder, "audit.jsonl"), grants));
    vi.stubEnv("AWS_ENDPOINT_URL_STS", sts.url);
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIABROKER0000000000");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "canaryOfTheBroker");
    const given = {
      GITHUB_TOKEN: github.token,
      GITHUB_USER_SESSION: github.session.cookie,
      ...environment,
      ...before?.(world, folder),
    };
    const output = new PassThrough();
    const broker = await startBroker(
      { config, listen: "127.0.0.1:0", adminListen: "127.0.0.1:0", version: "1.2.3", ...options },
      Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
      output,
    ).catch(async (error: unknown) => {
      await world.close();
      throw error;
    });
    onTestFinished(async () => {
      await world.close();
      await broker.stop();
      vi.unstubAllEnvs();
    });
    return new Operated(world, golden, folder, broker, output);
  }

  get config(): string {
    return join(this.folder, "config.yaml");
  }

  configure(grants: readonly Grant[], change = (text: string) => text): void {
    const text = configuration(this.world, join(this.folder, "audit.jsonl"), grants);
    writeFileSync(this.config, change(text));
  }

  /** What the broker logged so far. */
  get text(): string {
    this.#log += String(this.#output.read() ?? "");
    return this.#log;
  }

  get log(): Line[] {
    return this.text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Line);
  }

  get records(): Line[] {
    return readFileSync(join(this.folder, "audit.jsonl"), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Line);
  }

  /** Asks the admin listener. */
  get(path: string, headers: Record<string, string> = {}): Promise<Reply> {
    return ask(`${this.broker.adminUrl}${path}`, headers);
  }

  /** A client in the golden job, or another. */
  client(job = this.golden.job): Promise<Client> {
    return Client.of(this.world, this.broker.url, job);
  }
}
