import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from "vitest";
import {
  startWorld,
  type Golden,
  type Job as WorldJob,
  type Repository,
  type World,
  type WorldOptions,
} from "../world/index.ts";
import { type AuditRecord, Broker, type BrokerFiles, type BrokerOptions } from "./broker.ts";
import {
  expectAllIssuedRecorded,
  expectIssuerAskedForKeysAlone,
  expectNoCanary,
  expectNoLeak,
  expectNothingElseAsked,
  expectOneRecordEach,
  expectSecretsAtTheirOrigins,
  type Since,
} from "./checks.ts";
import { ask, type Reply } from "../world/ask.ts";
import type { JournalEntry } from "../world/service.ts";
import { type Body, Client } from "./client.ts";
import { configuration, type Grant, role } from "./config.ts";
import { Job } from "./job.ts";

export interface BenchOptions {
  readonly grants?: readonly Grant[];
  /** More of the configuration, such as public_url. */
  readonly settings?: object;
  /** Jobs show tokens: the broker asks the issuer for its keys. */
  readonly tokens?: boolean;
  /**
   * The tests are attacks: each ends with the golden case, which has to be served (T7), and what the
   * admin listener shows is searched for secrets as well.
   */
  readonly attacks?: boolean;
  /** The world's clock and latencies. */
  readonly world?: WorldOptions;
  /** How each process of the broker is started. */
  readonly broker?: Pick<BrokerOptions, "env" | "within">;
}

/** A world, a broker that serves it, and jobs that ask; what the tests of one file share. */
export class Bench {
  readonly world: World;
  readonly golden: Golden;
  readonly files: BrokerFiles;
  broker: Broker;
  /** The jobs of the test that runs. */
  jobs: Job[] = [];
  /** How many of STS's answers of this test cannot have reached the broker whole. */
  lostAnswers = 0;
  /** How many requests of this test came again and got the answer of the first, which is one decision. */
  repeated = 0;
  /** What the broker has answered in this test, to clients without a process. */
  replies: Reply[] = [];
  readonly #folder: string;
  readonly #options: BenchOptions;
  #since: Since = { log: 0, audit: 0 };
  #count = 0;

  private constructor(
    world: World,
    folder: string,
    files: BrokerFiles,
    broker: Broker,
    options: BenchOptions,
  ) {
    this.world = world;
    this.golden = world.github.golden();
    this.#folder = folder;
    this.#options = options;
    this.files = files;
    this.broker = broker;
  }

  static async start(options: BenchOptions = {}): Promise<Bench> {
    const { grants = [], settings, broker } = options;
    const world = await startWorld(options.world);
    const folder = mkdtempSync(join(tmpdir(), "actions2aws-e2e-"));
    const files = { config: join(folder, "broker.yml"), audit: join(folder, "audit/audit.jsonl") };
    mkdirSync(join(folder, "audit"));
    writeFileSync(files.config, configuration(world, files.audit, grants, settings));
    return new Bench(
      world,
      folder,
      files,
      await Broker.start(world, files, { ...broker, admin: options.attacks }),
      options,
    );
  }

  /**
   * Goes on with another process on the same port, files and signing key, whose configuration has these
   * grants, or whose environment is another. What came before is checked, and forgotten.
   */
  async restart(
    grants = this.#options.grants ?? [],
    env: Record<string, string> = {},
  ): Promise<void> {
    await this.check();
    const { world, files, broker } = this;
    expect(await broker.stop()).toBe(0);
    writeFileSync(files.config, configuration(world, files.audit, grants, this.#options.settings));
    await this.#startAgain(env);
    this.begin();
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.broker.kill("SIGKILL");
    expect(await this.broker.ended()).toBe("SIGKILL");
  }

  /** Another process on the port, files and signing key of one that has ended by itself, or was killed. */
  async revive(): Promise<void> {
    expect(this.broker.running).toBe(false);
    await this.#startAgain();
  }

  async #startAgain(env: Record<string, string> = {}): Promise<void> {
    const { world, files, broker } = this;
    const { attacks: admin, broker: how } = this.#options;
    this.broker = await Broker.start(world, files, {
      ...how,
      env: { ...how?.env, ...env },
      listen: `127.0.0.1:${broker.port}`,
      admin,
    });
  }

  get repository(): Repository {
    return this.golden.repository;
  }

  /** A job as after a push to main: a new run with one job, which has no step of ours yet. */
  newJob(options: { run?: object; job?: object; repository?: Repository } = {}): Job {
    const { github } = this.world;
    const run = github.addRun(options.repository ?? this.repository, options.run);
    return this.jobOf(github.addJob(run, options.job));
  }

  /** The job's processes. */
  jobOf(job: WorldJob): Job {
    const made = new Job(this.world, job, join(this.#folder, `job-${++this.#count}`));
    this.jobs.push(made);
    return made;
  }

  /** A client without a process, in a job whose pinned step is in progress. */
  async client(job: WorldJob = this.newJob().job): Promise<Client> {
    if (!job.steps.some(({ name }) => name === "assume role")) this.world.github.addStep(job);
    return Client.of(this.world, this.broker.url, job, { replies: this.replies });
  }

  /** Sends what no client of ours would. */
  async ask(path: string, headers: Record<string, string>, init: object = {}): Promise<Reply> {
    const reply = await ask(this.broker.url + path, headers, init);
    this.replies.push(reply);
    return reply;
  }

  /** The command that jobs call, with what follows. */
  request(more = "", asked = role): string {
    return `actions2aws request --url ${this.broker.url} --role ${asked} ${more}`.trim();
  }

  /** What GitHub was asked in this test, but for what the broker asks of its own health. */
  get asked(): JournalEntry[] {
    const { journal } = this.world.github;
    return journal.filter(({ path }) => !["/rate_limit", "/settings/profile"].includes(path));
  }

  /** What was recorded since the test began. */
  get records(): AuditRecord[] {
    return this.broker.audit.slice(this.#since.audit);
  }

  /**
   * The broker has refused so, has not asked AWS in this test, and has one record that says why. The
   * honest case beside it is what a bench with `attacks` goes on with.
   */
  async expectDenied(reply: Reply, code: string, fields?: readonly string[]): Promise<void> {
    const { request_id: id, ...body } = reply.json as Body;
    expect(body).toMatchObject({ code, ...(fields && { fields }) });
    expect(reply.headers.get("content-type")).toBe("application/problem+json");
    expect(this.world.sts.journal).toEqual([]);
    await this.expectRecorded(String(id), code, fields);
  }

  /** Waits for the one record of a request, which is a denial with this reason. */
  async expectRecorded(id: string, code: string, fields?: readonly string[]): Promise<void> {
    const found = (): AuditRecord[] => this.records.filter((record) => record.request_id === id);
    // Not expect.poll, which knows only one test at a time: see alone.
    await vi.waitFor(() => expect(found()).toHaveLength(1), 3_000);
    expect(found()[0]).toMatchObject({ decision: "denied", code, ...(fields && { fields }) });
    expect(found()[0]).not.toHaveProperty("access_key_id");
  }

  /** T7: whatever has been tried, who may have the role gets it. */
  async expectGolden(): Promise<void> {
    const client = await this.client();
    await expect(client.obtain()).resolves.toMatchObject({
      AccessKeyId: expect.stringMatching(/^ASIA/),
    });
  }

  /** Forgets what came before, so that a test sees its own calls alone. */
  begin(): void {
    this.jobs = [];
    this.lostAnswers = 0;
    this.repeated = 0;
    this.replies.length = 0;
    for (const service of [this.world.sts, this.world.issuer]) service.clearJournal();
    this.world.github.clearJournal();
    this.#since = { log: this.broker.log.length, audit: this.broker.audit.length };
  }

  /** What holds after every test. */
  async check(): Promise<void> {
    await expectOneRecordEach(this.broker, this.#since, this.repeated);
    expectAllIssuedRecorded(this.world, this.records, this.lostAnswers);
    this.expectSecretsKept();
    expect(this.broker.running).toBe(true);
    if (this.#options.attacks) expectNoCanary(await this.broker.shown());
  }

  /** What holds after a crash as well. */
  expectSecretsKept(): void {
    const { audit } = this.files;
    const written = [audit, `${audit}.intents`].filter((file) => existsSync(file));
    const texts = written.map((file) => readFileSync(file, "utf8"));
    expectNoLeak(this.broker, texts.join(""), this.jobs);
    expectNoCanary(JSON.stringify(this.replies));
    expectSecretsAtTheirOrigins(this.world);
    expectNothingElseAsked(this.world);
    if (this.#options.tokens) expectIssuerAskedForKeysAlone(this.world);
    else expect(this.world.issuer.journal).toEqual([]);
  }

  async stop(): Promise<void> {
    const exit = this.broker.running ? await this.broker.stop() : 0;
    await this.world.close();
    rmSync(this.#folder, { recursive: true, force: true });
    expect(exit).toBe(0);
  }
}

/** One bench for all tests of a file, with the checks after each of them. */
export function useBench(options: BenchOptions = {}): () => Bench {
  let bench: Bench | undefined;
  const get = (): Bench => {
    if (bench === undefined) throw new Error("the bench is ready in tests only");
    return bench;
  };
  beforeAll(async () => {
    bench = await Bench.start(options);
  });
  beforeEach(() => get().begin());
  afterEach(async () => {
    if (options.attacks) await get().expectGolden();
    await get().check();
  });
  afterAll(async () => bench?.stop());
  return get;
}
