import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { onTestFinished, vi } from "vitest";
import { proofLine } from "../../src/core/announcement.ts";
import { open } from "../../src/core/seal.ts";
import { startBroker } from "../../src/server/serve.ts";
import { roleArn } from "../core/golden.ts";
import { startWorld, type Golden, type World } from "../world/index.ts";
import { makeFolder } from "./folder.ts";

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown>;
}

export interface Options {
  /** YAML of the grants; the golden grant when left out. */
  grants?: string;
  /** More lines of YAML at the top level. */
  more?: string;
  auditFile?: string;
}

export const goldenGrant = `
  - name: app-deploy
    repository: acme/app
    repository_id: 1001
    workflow: .github/workflows/deploy.yml
    ref: refs/heads/main
    job: deploy
    step: assume role
    role: ${roleArn}
`;

/** A broker on real HTTP with a simulated GitHub and STS behind it. */
export class Stage {
  readonly world: World;
  readonly golden: Golden;
  readonly url: string;
  readonly auditFile: string;
  /** What the broker logged. */
  readonly output: PassThrough;

  private constructor(
    world: World,
    golden: Golden,
    url: string,
    auditFile: string,
    output: PassThrough,
  ) {
    this.world = world;
    this.golden = golden;
    this.url = url;
    this.auditFile = auditFile;
    this.output = output;
  }

  static async open({ grants = goldenGrant, more = "", auditFile }: Options = {}): Promise<Stage> {
    const world = await startWorld();
    const { github, sts } = world;
    const folder = makeFolder();
    const audit = auditFile ?? join(folder, "audit.jsonl");
    const config = join(folder, "config.yaml");
    writeFileSync(
      config,
      `github: { server_url: "${github.webUrl}", api_url: "${github.apiUrl}" }\naudit: { file: ${audit} }\n${more}\ngrants:${grants}`,
    );
    vi.stubEnv("AWS_ENDPOINT_URL_STS", sts.url);
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIABROKER0000000000");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "canaryOfTheBroker");
    const output = new PassThrough();
    const environment = {
      GITHUB_TOKEN: github.token,
      GITHUB_USER_SESSION: github.session.cookie,
      ACTIONS2AWS_SIGNING_KEY: "canary of a signing key, 32 characters",
    };
    const broker = await startBroker(
      { config, listen: "127.0.0.1:0", version: "0.0.0" },
      environment,
      output,
    );
    onTestFinished(async () => {
      await world.close();
      await broker.stop().catch(() => undefined);
      vi.unstubAllEnvs();
    });
    return new Stage(world, github.golden(), broker.url, audit, output);
  }

  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    const response = await fetch(this.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await response.text();
    const json = text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {};
    return { status: response.status, headers: response.headers, text, json };
  }

  records(): Record<string, unknown>[] {
    const lines = readFileSync(this.auditFile, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  logged(): string {
    return String(this.output.read() ?? "");
  }
}

/** The program in a job: has a key, and knows which run and job it is in. */
export class Client {
  readonly stage: Stage;
  readonly identity: string;
  readonly publicKey: string;

  private constructor(stage: Stage, identity: string, publicKey: string) {
    this.stage = stage;
    this.identity = identity;
    this.publicKey = publicKey;
  }

  static async of(stage: Stage): Promise<Client> {
    const identity = await generateX25519Identity();
    return new Client(stage, identity, await identityToRecipient(identity));
  }

  get run(): Record<string, unknown> {
    return { repository: "acme/app", run_id: 5_001, run_attempt: 1, public_key: this.publicKey };
  }

  /** A challenge, with its ticket opened. */
  async challenge(more: object = {}): Promise<{ challenge: string; ticket: string }> {
    const { status, json, text } = await this.stage.post("/v1/challenges", {
      ...this.run,
      ...more,
    });
    if (status !== 201) throw new Error(`no challenge: ${text}`);
    const { challenge, ticket } = json as Record<string, string>;
    return { challenge: String(challenge), ticket: await open(this.identity, String(ticket)) };
  }

  announce(challenge: string, publicKey = this.publicKey): void {
    const { world, golden } = this.stage;
    world.github.say(golden.job, "assume role", `${proofLine(publicKey, challenge)}\n`);
  }

  request(ticket: string, more: object = {}): Promise<Reply> {
    return this.stage.post("/v1/credentials", {
      ...this.run,
      job: { id: 7_001 },
      role: roleArn,
      ticket,
      ...more,
    });
  }

  /** All of it, as an honest job does it. */
  async obtain(more: object = {}): Promise<Reply> {
    const { challenge, ticket } = await this.challenge();
    this.announce(challenge);
    return this.request(ticket, more);
  }

  async opened({ json }: Reply): Promise<Record<string, string>> {
    return JSON.parse(await open(this.identity, String(json.credentials))) as Record<
      string,
      string
    >;
  }
}
