import type { Comparison } from "../../core/github-answers.ts";
import type { StepLog } from "../../core/proof.ts";
import type { RefFacts } from "../../core/ref.ts";

/** A run of the one configured GitHub; the repository as checked by request.ts. */
export interface RunAddress {
  repository: string;
  runId: number;
  runAttempt: number;
}

export interface JobAddress extends RunAddress {
  /** The REST id. */
  jobId: number;
  headSha: string;
}

/** An answer and the time it was asked at, milliseconds of the monotonic clock: it is no fresher than that. */
export interface Seen<T> {
  value: T;
  at: number;
}

export type OpenRuns = ReadonlyMap<number, number>;

/**
 * What GitHub says of runs. `notBefore` is the age that an answer may have: one asked for earlier does
 * not count. All throw {@link Refusal} github_unavailable, github_rate_limited or job_not_found.
 */
export interface GitHubFacts {
  run(at: RunAddress, notBefore: number): Promise<Seen<unknown>>;
  /** The newest runs of a repository that are in progress, a hundred of them: their attempts by their ids. */
  openRuns(repository: string, notBefore: number): Promise<OpenRuns>;
  /** All jobs of the attempt, every page. */
  jobs(at: RunAddress, notBefore: number): Promise<Seen<readonly unknown[]>>;
  refs(repository: string, shortName: string, notBefore: number): Promise<Seen<RefFacts>>;
  /** How `head` stands to `base`; null when GitHub knows no relation. */
  compare(
    repository: string,
    base: string,
    head: string,
    notBefore: number,
  ): Promise<Comparison | null>;
}

/** The logs of a job's steps, while they run and after. */
export interface JobLog {
  /**
   * Reads every step with one of these names, once.
   *
   * @throws {Refusal} github_session_expired, github_unavailable
   */
  read(job: JobAddress, stepNames: readonly string[]): Promise<readonly StepLog[]>;
  /** Looks ahead: finds out what `read` will need. Never fails; `read` will tell. */
  prepare(job: JobAddress): void;
}
