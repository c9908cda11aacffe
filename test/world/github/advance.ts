import { addAttempt, addJob, addStep } from "./builders.ts";
import {
  currentAttempt,
  type Attempt,
  type Conclusion,
  type Job,
  type Run,
  type Step,
  type User,
} from "./model.ts";
import type { State } from "./state.ts";

/** Ends a step: from now on its live feed is empty and its log is stored. */
export function completeStep(state: State, step: Step, conclusion: Conclusion): void {
  step.status = "completed";
  step.conclusion = conclusion;
  step.startedAt ??= state.time();
  step.completedAt = state.time();
  step.live = [];
}

/** Ends a job: what is in progress with its conclusion, what never began as skipped; and the run with its last job. */
export function completeJob(state: State, job: Job, conclusion: Conclusion): void {
  for (const step of job.steps) {
    if (step.status !== "completed")
      completeStep(state, step, step.status === "queued" ? "skipped" : conclusion);
  }
  job.status = "completed";
  job.conclusion = conclusion;
  job.completedAt = state.time();
  const { attempt } = job;
  attempt.updatedAt = state.time();
  if (attempt.jobs.some(({ status }) => status !== "completed")) return;
  attempt.status = "completed";
  attempt.conclusion =
    attempt.jobs.find((done) => done.conclusion !== "success" && done.conclusion !== "skipped")
      ?.conclusion ?? "success";
}

/** Runs everything again: the same run id, the next attempt, new jobs whose steps are where the old ones began. */
export function rerun(state: State, run: Run, triggeringActor: User): Attempt {
  const before = currentAttempt(run);
  for (const job of before.jobs)
    if (job.status !== "completed") completeJob(state, job, "cancelled");
  const attempt = addAttempt(state, run, triggeringActor);
  for (const { name, labels, environment, jobWorkflowRef, steps } of before.jobs) {
    const job = addJob(state, run, { name, labels, environment, jobWorkflowRef });
    for (const [index, step] of steps.slice(1).entries()) {
      addStep(state, job, {
        name: step.name,
        number: step.number,
        status: index === 0 ? "in_progress" : "queued",
      });
    }
  }
  return attempt;
}
