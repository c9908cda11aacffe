import { z } from "zod";
import { Refusal } from "../../core/errors.ts";
import { unusable } from "../../core/github-answers.ts";
import type { JobAddress, RunAddress } from "../github/ports.ts";
import type { FeedItem, ShownStep } from "../github/web.ts";
import type { Redaction } from "./redaction.ts";

export interface LogSource {
  /** The steps of a job that is in progress. */
  show(job: JobAddress): Promise<readonly ShownStep[]>;
  /** @returns null when there is none. @throws {Refusal} proof_invalid when it is too large */
  storedLog(job: JobAddress, stepNumber: number): Promise<string | null>;
}

/** Where a recording goes. */
export interface Target {
  write(name: string, text: string): void;
}

/** Something that is not in the recording. */
export interface LeftOut {
  readonly place: string;
  readonly why: string;
}

const jobShape = z.looseObject({
  id: z.int().positive(),
  head_sha: z.string(),
  status: z.string(),
  steps: z
    .array(
      z.looseObject({
        number: z.int().nonnegative(),
        status: z.string(),
        conclusion: z.string().nullish(),
      }),
    )
    .nullish(),
});
type Job = z.output<typeof jobShape>;
type Step = NonNullable<Job["steps"]>[number];

const jobsAtOnce = 4;

/** The steps' logs of a run. Those of a job are read again when it has gone on since. */
export class RecordedLogs {
  readonly #source: LogSource;
  readonly #target: Target;
  readonly #redaction: Redaction;
  readonly #address: RunAddress;
  /** How each job was when it was read; one that could not be read as GitHub's list has it is not in it. */
  readonly #read = new Map<number, string>();
  readonly #written = new Set<string>();
  /** Kept until the end: a step that ends meanwhile has a log in place of its feed. */
  readonly #feeds = new Map<string, readonly FeedItem[]>();
  readonly #left = new Map<string, string>();

  constructor(source: LogSource, target: Target, redaction: Redaction, address: RunAddress) {
    this.#source = source;
    this.#target = target;
    this.#redaction = redaction;
    this.#address = address;
  }

  get logs(): number {
    return this.#written.size;
  }

  get feeds(): number {
    return this.#feeds.size;
  }

  get left(): LeftOut[] {
    return Array.from(this.#left, ([place, why]) => ({ place, why }));
  }

  /** @returns whether a job may have gone on while it was read, so that another look is due */
  async read(list: readonly unknown[]): Promise<boolean> {
    const jobs = list.map(parseJob);
    const changed = jobs.filter((job) => this.#read.get(job.id) !== stateOf(job));
    const queue = changed.values();
    const workers = Array.from({ length: jobsAtOnce }, async () => {
      for (const job of queue) await this.#readJob(job);
    });
    await Promise.all(workers);
    return changed.some(({ status }) => status !== "completed");
  }

  /** Writes what was kept. */
  finish(): void {
    for (const [file, items] of this.#feeds) {
      const lines = this.#redaction.feed(items, file).map((item) => `${JSON.stringify(item)}\n`);
      this.#target.write(file, lines.join(""));
    }
  }

  async #readJob(job: Job): Promise<void> {
    const address = { ...this.#address, jobId: job.id, headSha: job.head_sha };
    const steps = job.steps ?? [];
    const running = steps.filter(({ status }) => status === "in_progress");
    const shown = running.length > 0 ? await this.#source.show(address) : [];
    for (const step of steps) {
      if (step.status === "completed") await this.#readLog(address, step);
    }
    const missing = running.filter(({ number }) => !this.#keepFeed(job.id, number, shown));
    if (missing.length === 0) this.#read.set(job.id, stateOf(job));
  }

  /** A log that was read is whole, and stays as it is. */
  async #readLog(address: JobAddress, { number, conclusion }: Step): Promise<void> {
    const file = `steps/${address.jobId}/${number}.log`;
    const feed = `steps/${address.jobId}/${number}.live`;
    this.#feeds.delete(feed);
    this.#left.delete(feed);
    if (conclusion === "skipped" || this.#written.has(file)) return;
    try {
      const text = await this.#source.storedLog(address, number);
      if (text === null) {
        this.#left.set(file, "GitHub has no log of it");
        return;
      }
      this.#target.write(file, this.#redaction.log(text, file));
      this.#written.add(file);
      this.#left.delete(file);
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== "proof_invalid") throw error;
      this.#left.set(file, "it is too large");
    }
  }

  /** @returns false when the web shows the step as over already, while the list does not yet */
  #keepFeed(jobId: number, number: number, shown: readonly ShownStep[]): boolean {
    const file = `steps/${jobId}/${number}.live`;
    const feed = shown.find((step) => step.number === number)?.feed ?? null;
    if (feed === null) {
      this.#left.set(file, "it ended while it was recorded");
      return false;
    }
    this.#feeds.set(file, feed);
    this.#left.delete(file);
    return true;
  }
}

function parseJob(json: unknown): Job {
  const result = jobShape.safeParse(json);
  if (result.success) return result.data;
  throw unusable("a job of GitHub's list lacks what a recording needs");
}

function stateOf({ status, steps }: Job): string {
  const states = steps?.map(({ number, status: of, conclusion }) => [number, of, conclusion]);
  return JSON.stringify([status, states]);
}
