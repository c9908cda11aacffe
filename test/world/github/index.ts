import { generateKeyPairSync } from "node:crypto";
import type { Readable } from "node:stream";

import { html } from "../answer.ts";
import { Service, type JournalEntry } from "../service.ts";
import * as advance from "./advance.ts";
import * as build from "./builders.ts";
import { charge } from "./budget.ts";
import { failure } from "./errors.ts";
import { golden, matrix, type Golden, type MatrixOptions } from "./golden.ts";
import {
  fullName,
  type Attempt,
  type Conclusion,
  type Job,
  type Repository,
  type Run,
  type Step,
  type User,
} from "./model.ts";
import { environmentOf, follow } from "./process.ts";
import { restAnswer } from "./rest.ts";
import * as runner from "./runner.ts";
import { State, type App, type Installation } from "./state.ts";
import { storageAnswer } from "./storage.ts";
import { webAnswer } from "./web.ts";

/** A step by itself, by its number, or by its name (the first of that name in progress, else the first). */
export type StepKey = Step | string | number;

/** GitHub: three origins that answer from one state, and verbs that change it as jobs would. */
export class SimulatedGitHub extends State {
  readonly api: Service;
  readonly web: Service;
  /** Signed log storage, to which the cookie must never come. */
  readonly storage: Service;

  constructor(now: () => number, latency: { api?: number; web?: number }) {
    super(now);
    const { api = 0, web = 0 } = latency;
    this.api = new Service({
      name: "api",
      now,
      latency: api,
      handle: (request) => restAnswer(this, request),
      seal: (answer) => charge(this, answer),
      errorAnswer: failure,
    });
    this.web = new Service({
      name: "web",
      now,
      latency: web,
      handle: (request) => webAnswer(this, request),
      errorAnswer: (status) => html("", status),
    });
    this.storage = new Service({
      name: "storage",
      now,
      latency: web,
      handle: (request) => storageAnswer(this, request),
    });
  }

  async start(): Promise<void> {
    await Promise.all([this.api.start(), this.web.start(), this.storage.start()]);
    this.apiUrl = this.api.url;
    this.webUrl = this.web.url;
    this.storageUrl = this.storage.url;
  }

  async close(): Promise<void> {
    await Promise.all([this.api.close(), this.web.close(), this.storage.close()]);
  }

  // Building. Every option that is left out is like the golden case.

  golden(): Golden {
    return golden(this);
  }

  matrix(options: MatrixOptions = {}): { run: Run; jobs: Job[] } {
    return matrix(this, options);
  }

  addRepository(options: build.RepositoryOptions = {}): Repository {
    return build.addRepository(this, options);
  }

  addRun(repository: Repository, options: build.RunOptions = {}): Run {
    return build.addRun(this, repository, options);
  }

  addJob(run: Run, options: build.JobOptions = {}): Job {
    return build.addJob(this, run, options);
  }

  addStep(job: Job, options: build.StepOptions = {}): Step {
    return build.addStep(this, job, options);
  }

  /** Commits named from oldest to newest on a branch, which then points at the last. */
  push(repository: Repository, branch: string, ...commits: string[]): string {
    const tip = build.addCommits(repository, commits, repository.branches.get(branch));
    repository.branches.set(branch, tip);
    return tip;
  }

  /** Gives a repository another name; the old one answers 301 until somebody else takes it. */
  rename(repository: Repository, name: string, owner: User = repository.owner): void {
    this.renamed.set(fullName(repository).toLowerCase(), repository);
    Object.assign(repository, { name, owner });
  }

  /** Sets up the GitHub App, installed for `account`; gives what a broker is configured with. */
  installApp(
    account = "acme",
    repositories: Set<number> | null = null,
  ): { app: App; installation: Installation; privateKey: string } {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const installation = { id: 3_001, account, repositories };
    this.app = {
      id: 2_001,
      slug: "actions2aws",
      clientId: "Iv23liSimulated",
      publicKey,
      installations: [installation],
    };
    return {
      app: this.app,
      installation,
      privateKey: privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
    };
  }

  // What jobs do.

  /** The job's process writes something: lines go through the runner's rules, commands in them are obeyed. */
  say(job: Job, key: StepKey, output: string): void {
    runner.say(this, job, running(job, key), output);
  }

  /** One message as it is, newlines and all: one live item, one timestamp in the log. */
  liveItem(job: Job, key: StepKey, item: string): void {
    runner.write(this, job, running(job, key), item);
  }

  /** What a `run:` step begins with, in the live feed and in the log. */
  stepHeader(job: Job, key: StepKey, header: runner.Header): void {
    runner.writeHeader(this, job, running(job, key), header);
  }

  /** What a `uses:` step begins with. */
  useHeader(job: Job, key: StepKey, header: runner.UseHeader): void {
    runner.writeUseHeader(this, job, running(job, key), header);
  }

  /** Reads a real process's stdout or stderr as the runner would, until it ends. */
  async listen(job: Job, key: StepKey, output: Readable): Promise<void> {
    const step = running(job, key);
    await follow(output, (line) => runner.say(this, job, step, line));
  }

  /** The variables that a process in this job finds. */
  environment(job: Job): Record<string, string> {
    return environmentOf(this, job);
  }

  startStep(job: Job, key: StepKey): Step {
    const step = find(job, key);
    return Object.assign(step, { status: "in_progress", startedAt: this.time() });
  }

  completeStep(job: Job, key: StepKey, conclusion: Conclusion = "success"): Step {
    const step = find(job, key);
    advance.completeStep(this, step, conclusion);
    return step;
  }

  completeJob(job: Job, conclusion: Conclusion = "success"): void {
    advance.completeJob(this, job, conclusion);
  }

  rerun(run: Run, options: { triggeringActor?: User } = {}): Attempt {
    return advance.rerun(this, run, options.triggeringActor ?? run.actor);
  }

  // What went over the wire.

  /** Requests to all three origins, in the order in which they came. */
  get journal(): JournalEntry[] {
    return [...this.api.journal, ...this.web.journal, ...this.storage.journal].toSorted(
      (a, b) => a.order - b.order,
    );
  }

  clearJournal(): void {
    for (const service of [this.api, this.web, this.storage]) service.clearJournal();
  }

  /** How much of the rate limit the requests in the journal used. */
  restCost(): number {
    return this.api.journal.reduce((sum, entry) => sum + entry.cost, 0);
  }

  /** Uses up the rate limit until so many seconds from now. */
  exhaust(seconds = 600): void {
    this.budget.used = this.budget.limit;
    this.budget.resetAt = this.now() + seconds * 1_000;
  }
}

function find(job: Job, key: StepKey): Step {
  if (typeof key === "object") return key;
  const named = job.steps.filter((step) =>
    typeof key === "number" ? step.number === key : step.name === key,
  );
  const step = named.find(({ status }) => status === "in_progress") ?? named[0];
  if (step === undefined) throw new Error(`job ${job.name} has no step ${key}`);
  return step;
}

/** A step that can still write; a test that lets an ended one speak is wrong. */
function running(job: Job, key: StepKey): Step {
  const step = find(job, key);
  if (step.status !== "in_progress")
    throw new Error(`step ${step.name} is ${step.status}: it writes nothing`);
  return step;
}
