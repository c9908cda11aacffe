import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { type AuditRecord, Broker } from "../harness/broker.ts";
import { expectNoLeak, expectOneRecordEach } from "../harness/checks.ts";
import { configuration, grantLike, role, roleOf, wideLimits } from "../harness/config.ts";
import { Job, type Step, type StepOptions } from "../harness/job.ts";
import { program } from "../harness/program.ts";
import { byToken } from "../harness/token-scene.ts";
import { startWorld, type World } from "../world/index.ts";
import { Account, type RoleWish } from "./aws-account.ts";
import { freePort } from "./backends.ts";

/** The AWS CLI, as the words that call it: pip's, which comes first in PATH, is version 1. */
export const cli1 = "aws";
/** Debian's is version 2. It wants Debian's modules before pip's, which have the same names. */
export const cli2 = "env PYTHONPATH=/usr/lib/python3/dist-packages /usr/bin/aws";

/** What a step writes to ask AWS who it is; one line, the ARN. */
export function whoAmI(cli: string, more = ""): string {
  const where = '--region eu-central-1 --endpoint-url "$AWS_ENDPOINT_URL"';
  const how = `${where} --query Arn --output text`;
  return `${cli} sts get-caller-identity ${how} ${more}`.trim();
}

export interface AwsSceneOptions {
  /** Roles of AWS's beside app-deploy, and a grant for each. */
  readonly roles?: Readonly<Record<string, RoleWish>>;
  /** How long sessions last, in place of what was asked for. */
  readonly lifeMs?: number;
}

/** A broker that has all it needs of AWS from moto, and jobs whose tools ask moto who they are. */
export class AwsScene {
  readonly world: World;
  readonly account: Account;
  readonly broker: Broker;
  readonly #folder: string;
  #jobs: Job[] = [];
  #since = { log: 0, audit: 0 };
  #count = 0;

  private constructor(world: World, account: Account, broker: Broker, folder: string) {
    this.world = world;
    this.account = account;
    this.broker = broker;
    this.#folder = folder;
  }

  static async open({ roles = {}, lifeMs }: AwsSceneOptions): Promise<AwsScene> {
    const world = await startWorld();
    world.github.golden();
    const { token: ApiToken, session } = world.github;
    const secret = { ApiToken, UserSession: session.cookie };
    const granted = { "by-token": {}, ...roles };
    const account = await Account.open({ "app-deploy": {}, ...granted }, secret);
    account.front.lifeMs = lifeMs;
    const folder = mkdtempSync(join(tmpdir(), "actions2aws-aws-"));
    const files = { config: join(folder, "broker.yml"), audit: join(folder, "audit.jsonl") };
    const port = await freePort();
    const publicUrl = `http://127.0.0.1:${port}`;
    const grants = [
      byToken("by-token"),
      ...Object.keys(roles).map((name) => grantLike(name, { max_duration: "12h" })),
    ];
    const settings = { public_url: publicUrl, store: "dynamodb:actions2aws", ...wideLimits };
    writeFileSync(files.config, configuration(world, files.audit, grants, settings));
    const env = {
      ...account.brokerEnvironment,
      AWS_ENDPOINT_URL_STS: account.front.url,
      GITHUB_TOKEN: "",
      GITHUB_USER_SESSION: "",
    };
    const broker = await Broker.start(world, files, { env, listen: `127.0.0.1:${port}` });
    return new AwsScene(world, account, broker, folder);
  }

  newJob(): Job {
    const [repository] = this.world.github.repositories;
    if (!repository) throw new Error("the golden case is there");
    const { github } = this.world;
    const job = github.addJob(github.addRun(repository));
    const made = new Job(this.world, job, join(this.#folder, `job-${++this.#count}`));
    this.#jobs.push(made);
    return made;
  }

  /** Runs a script as a step of the job, where both CLIs are. */
  step(job: Job, name: string, script: string, options: StepOptions = {}): Promise<Step> {
    const env = {
      PATH: `${dirname(program)}:${process.env.PATH}`,
      AWS_ENDPOINT_URL: this.account.front.url,
      AWS_EC2_METADATA_DISABLED: "true",
      ...options.env,
    };
    return job.run(name, script, { ...options, env });
  }

  /** The command that jobs call, with what follows. */
  request(more = "", asked = role): string {
    return `actions2aws request --url ${this.broker.url} --role ${asked} ${more}`.trim();
  }

  get requestByToken(): string {
    return this.request("--proof oidc", roleOf("by-token"));
  }

  /** What was recorded since the test began. */
  get records(): AuditRecord[] {
    return this.broker.audit.slice(this.#since.audit);
  }

  begin(): void {
    this.#jobs = [];
    this.account.front.clearJournal();
    this.#since = { log: this.broker.log.length, audit: this.broker.audit.length };
  }

  /** What holds after every test. */
  async check(): Promise<void> {
    const { broker, records } = this;
    const { issued } = this.account.front;
    await expectOneRecordEach(broker, this.#since, 0);
    const allowed = records.filter(({ decision }) => decision === "allowed");
    expect(allowed.map(({ access_key_id: id }) => id)).toEqual(
      issued.map(({ accessKeyId }) => accessKeyId),
    );
    const { audit: file } = broker.files;
    const audit = existsSync(file) ? readFileSync(file, "utf8") : "";
    expectNoLeak(broker, audit, this.#jobs);
    const shown = [broker.stdout, broker.stderr, audit];
    const logs = this.#jobs.flatMap(({ steps }) => steps.map(({ log }) => log));
    for (const { secretAccessKey, sessionToken } of issued)
      for (const text of [...shown, ...logs])
        expect([text.includes(secretAccessKey), text.includes(sessionToken)]).toEqual([
          false,
          false,
        ]);
  }

  async stop(): Promise<void> {
    const exit = await this.broker.stop();
    await this.world.close();
    await this.account.close();
    rmSync(this.#folder, { recursive: true, force: true });
    expect(exit).toBe(0);
  }
}

/** The ARN that AWS gives to who has the role of this job. */
export function arnOf({ job }: Job, name = "app-deploy"): string {
  return `arn:aws:sts::123456789012:assumed-role/${name}/a2a-1001-${job.run.id}-1-${job.id}`;
}

/** One scene for all tests of a file, with the checks after each of them. */
export function useAws(options: AwsSceneOptions = {}): () => AwsScene {
  let scene: AwsScene | undefined;
  const get = (): AwsScene => {
    if (scene === undefined) throw new Error("the scene is ready in tests only");
    return scene;
  };
  beforeAll(async () => {
    scene = await AwsScene.open(options);
  }, 120_000);
  afterEach(async () => {
    await get().check();
    get().begin();
  });
  afterAll(async () => scene?.stop());
  return get;
}
