import { parseJob, parseRun } from "../core/github-answers.ts";
import { selectJob } from "../core/identity.ts";
import { namesRepository, type Policy } from "../core/policy.ts";
import type { ChallengeRequest, JobSelector } from "../core/request.ts";
import { CallBudget } from "./call-budget.ts";
import type { GitHubFacts, JobLog, RunAddress } from "./github/ports.ts";

/** What one challenge may cost: the run, a page of jobs, the branch and the tag of its name. */
const callsEach = 4;
const sharedForMs = 1_000;

/**
 * Fetches at challenge time what the credentials request will need a moment later. What the caller
 * says of job and ref only chooses what is fetched; the answers are checked as any other.
 */
export class LookAhead {
  readonly #github: GitHubFacts;
  readonly #log: JobLog;
  readonly #budget: LookAheadBudget;
  readonly #now: () => number;

  constructor(parts: {
    github: GitHubFacts;
    log: JobLog;
    budget: LookAheadBudget;
    now: () => number;
  }) {
    this.#github = parts.github;
    this.#log = parts.log;
    this.#budget = parts.budget;
    this.#now = parts.now;
  }

  /** Returns at once and never fails: whatever is wrong, the credentials request will find it. */
  begin(request: ChallengeRequest, policy: Policy): void {
    if (!namesRepository(policy, request.repository) || !this.#budget.take(callsEach)) return;
    this.#fetch(request).catch(() => undefined);
  }

  async #fetch({
    repository,
    run_id: runId,
    run_attempt: runAttempt,
    job = {},
    ref,
  }: ChallengeRequest): Promise<void> {
    const address: RunAddress = { repository, runId, runAttempt };
    const notBefore = this.#now() - sharedForMs;
    const hinted = /^refs\/(?:heads|tags)\/(.+)$/.exec(ref ?? "")?.[1];
    if (job.id !== undefined) this.#log.prepare({ ...address, jobId: job.id, headSha: "" });
    if (hinted !== undefined)
      this.#github.refs(repository, hinted, notBefore).catch(() => undefined);
    await Promise.all([this.#ref(address, hinted, notBefore), this.#page(address, job, notBefore)]);
  }

  async #ref(address: RunAddress, hinted: string | undefined, notBefore: number): Promise<void> {
    const { value } = await this.#github.run(address, notBefore);
    const branch = parseRun(value).head_branch;
    if (branch && branch !== hinted) await this.#github.refs(address.repository, branch, notBefore);
  }

  async #page(address: RunAddress, by: JobSelector, notBefore: number): Promise<void> {
    const { value } = await this.#github.jobs(address, notBefore);
    const job = selectJob(value.map(parseJob), by);
    this.#log.prepare({ ...address, jobId: job.id, headSha: job.head_sha });
  }
}

/**
 * How much of GitHub's hourly budget may be spent on challenges, which anybody can ask for: a fifth
 * (H-09).
 */
export class LookAheadBudget extends CallBudget {
  /** @param options `now` in monotonic milliseconds */
  constructor({ burst = 200, perHour = 1_000, ...rest }: BudgetOptions) {
    super({ ...rest, burst, perHour });
  }

  setHourlyLimit(limit: number): void {
    this.setPerHour(limit * 0.2);
  }
}

interface BudgetOptions {
  now: () => number;
  burst?: number;
  perHour?: number;
}
