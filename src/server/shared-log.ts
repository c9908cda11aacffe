import { foldAscii } from "../core/pattern.ts";
import type { StepLog } from "../core/proof.ts";
import type { JobAddress, JobLog } from "./github/ports.ts";

/**
 * Requests that wait for a line in the same job share each read of its log, so that a flood of them
 * makes no more reads than one (H-09). A log only grows: what a read has begun a moment too early to
 * see, the next will show.
 */
export class SharedLog implements JobLog {
  readonly #log: JobLog;
  readonly #underway = new Map<string, Promise<readonly StepLog[]>>();

  constructor(log: JobLog) {
    this.#log = log;
  }

  read(job: JobAddress, stepNames: readonly string[]): Promise<readonly StepLog[]> {
    const { repository, runId, runAttempt, jobId } = job;
    const key = JSON.stringify([foldAscii(repository), runId, runAttempt, jobId, stepNames]);
    const underway = this.#underway.get(key);
    if (underway) return underway;
    const reading = this.#log.read(job, stepNames).finally(() => this.#underway.delete(key));
    this.#underway.set(key, reading);
    return reading;
  }

  prepare(job: JobAddress): void {
    this.#log.prepare(job);
  }
}
