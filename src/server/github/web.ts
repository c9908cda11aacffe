import { LRUCache } from "lru-cache";
import { z } from "zod";
import { Refusal } from "../../core/errors.ts";
import { unusable } from "../../core/github-answers.ts";
import { type LogItem, logItems, type StepLog } from "../../core/proof.ts";
import type { Secret } from "../../core/secret.ts";
import type { Answer, Network } from "../network.ts";
import { isUuid, type JobPage, readJobPage } from "./job-page.ts";
import type { JobAddress, JobLog } from "./ports.ts";
import { readStoredLog } from "./stored-log.ts";
import { GitHubSession, sessionExpired } from "./session.ts";
import { windowOf } from "./step-window.ts";

const step = z.object({
  id: z.string().refine(isUuid),
  name: z.string(),
  status: z.string(),
  conclusion: z.string().nullish(),
  number: z.int().nonnegative(),
  started_at: z.string().nullish(),
  completed_at: z.string().nullish(),
});
const backscroll = z.object({ lines: z.array(z.looseObject({ line: z.string() })).nullish() });

type Step = z.output<typeof step>;

/** An item of a live feed, with whatever else GitHub says of it. */
export type FeedItem = NonNullable<z.output<typeof backscroll>["lines"]>[number];

/** A step as the web shows it now. */
export interface ShownStep {
  number: number;
  status: string;
  /** What a step in progress has said; null for any other. */
  feed: readonly FeedItem[] | null;
}

/** Addresses of a job that hold for its life: found once. */
interface Job {
  page: JobPage & { internalId: number };
  path: string;
}

/**
 * The logs of a running job, as a signed-in browser reads them: no public API gives the log of a step
 * in progress. Source: facts on GitHub web. None of these routes is promised to stay, so whatever
 * looks different is an answer that can't be used, never a pass (F-16).
 */
export class WebJobLog implements JobLog {
  readonly session: GitHubSession;
  readonly #network: Network;
  readonly #jobs = new LRUCache<string, Promise<Job>>({ max: 1_000, ttl: 6 * 3_600_000 });

  constructor(options: { webUrl: string; session: () => Secret; network: Network }) {
    this.#network = options.network;
    this.session = new GitHubSession(options);
  }

  prepare(address: JobAddress): void {
    this.#job(address).catch(() => undefined);
  }

  async read(address: JobAddress, stepNames: readonly string[]): Promise<readonly StepLog[]> {
    const job = await this.#job(address);
    const likely = job.page.steps.filter(({ name, done }) => !done && stepNames.includes(name));
    // The page told the ids of the steps, so their feeds can be asked for together with their states.
    const feeds = new Map(likely.map(({ uuid }) => [uuid, this.#liveItems(job, uuid)]));
    for (const feed of feeds.values()) feed.catch(() => undefined);
    const steps = (await this.#steps(address, job)).filter(({ name }) => stepNames.includes(name));
    return Promise.all(
      steps.map((entry) => this.#stepLog(address, job, entry, feeds.get(entry.id))),
    );
  }

  /** Every step of the job, and what those in progress have said: for recordings. */
  async show(address: JobAddress): Promise<readonly ShownStep[]> {
    const job = await this.#job(address);
    const steps = await this.#steps(address, job);
    return Promise.all(
      steps.map(async ({ id, number, status }) => {
        const feed = status === "in_progress" ? await this.#feed(job, id) : null;
        return { number, status, feed };
      }),
    );
  }

  async #stepLog(
    address: JobAddress,
    job: Job,
    entry: Step,
    feed?: Promise<LogItem[]>,
  ): Promise<StepLog> {
    const base = { name: entry.name, window: windowOf(entry) };
    if (entry.status === "in_progress") {
      return {
        ...base,
        state: "in_progress",
        items: await (feed ?? this.#liveItems(job, entry.id)),
      };
    }
    if (entry.status !== "completed") return { ...base, state: "waiting", items: null };
    if (entry.conclusion !== "success") return { ...base, state: "failed", items: null };
    const text = await readStoredLog(this.session, this.#network, address, entry.number);
    // An empty one has yet to come: a step's log begins with its header (L-23).
    const there = text !== null && text.replace(/^\uFEFF/, "") !== "";
    return { ...base, state: "succeeded", items: there ? [...logItems(text)] : null };
  }

  #job(address: JobAddress): Promise<Job> {
    const key = `${address.repository} ${address.runId} ${address.jobId}`.toLowerCase();
    const known = this.#jobs.get(key);
    if (known) return known;
    const job = this.#openPage(address);
    this.#jobs.set(key, job);
    job.catch(() => {
      if (this.#jobs.peek(key) === job) this.#jobs.delete(key);
    });
    return job;
  }

  async #openPage({ repository, runId, jobId }: JobAddress): Promise<Job> {
    const path = `/${repository}/actions/runs/${runId}`;
    const answer = await this.session.get(`${path}/job/${jobId}`, "text/html", 8 * 2 ** 20);
    // REST has just said that the job is there: a page that isn't is one that the session may not see.
    if (answer.status === 404) throw sessionExpired("the job page is 404");
    assertOk(answer, "job page");
    const page = readJobPage(answer.body, path);
    if (page.internalId !== null) return { page: { ...page, internalId: page.internalId }, path };
    if (page.isSignIn || page.isJobPage)
      throw sessionExpired("the job page is for readers not signed in");
    throw unusable("the job page has no steps");
  }

  async #steps(address: JobAddress, { path, page }: Job): Promise<Step[]> {
    const url = `${path}/jobs/${page.internalId}/steps?change_id=0`;
    const answer = await this.session.get(url, "application/json", 2 ** 20);
    if (answer.status === 404) {
      // A job has no steps yet, or the session may no longer see them: the page will tell.
      if (page.steps.length > 0) await this.#openPage(address);
      return [];
    }
    return this.#json(z.array(step), answer, "steps");
  }

  /** Items stay whole: a value with newlines is one item, and never several lines (L-02). */
  async #liveItems(job: Job, uuid: string): Promise<LogItem[]> {
    return (await this.#feed(job, uuid)).map(({ line }) => ({ text: line }));
  }

  async #feed({ path, page }: Job, uuid: string): Promise<readonly FeedItem[]> {
    const url = `${path}/jobs/${page.internalId}/steps/${uuid}/backscroll`;
    const answer = await this.session.get(url, "application/json", 8 * 2 ** 20);
    if (answer.status === 404) return [];
    return this.#json(backscroll, answer, "live log").lines ?? [];
  }

  #json<T>(schema: z.ZodType<T>, answer: Answer, what: string): T {
    assertOk(answer, what);
    try {
      return schema.parse(JSON.parse(answer.body));
    } catch {
      if (readJobPage(answer.body, "").isSignIn)
        throw sessionExpired(`the ${what} is a sign-in page`);
      throw unusable(`GitHub's ${what} reads differently`);
    }
  }
}

function assertOk({ status }: Answer, what: string): void {
  if (status === 200) return;
  throw new Refusal("github_unavailable", {
    detail: "GitHub's web pages did not answer as they should.",
    retryAfter: 5,
    note: `GitHub's ${what} answered ${status}`,
  });
}
