import { createHash, randomUUID } from "node:crypto";

import {
  currentAttempt,
  type Attempt,
  type Conclusion,
  type Job,
  type Repository,
  type Run,
  type Step,
  type User,
} from "./model.ts";
import type { State } from "./state.ts";

/** What a test says of a thing; all else is like the golden case. */
export interface RepositoryOptions extends Partial<Omit<Repository, "owner">> {
  owner?: string | User;
}
export type RunOptions = Partial<
  Omit<Run, "repository" | "attempts"> & Pick<Attempt, "status" | "conclusion" | "triggeringActor">
>;
export type JobOptions = Partial<Omit<Job, "run" | "attempt" | "steps">>;
export type StepOptions = Partial<Step>;

const octocat: User = { id: 583_231, login: "octocat", type: "User" };

/** A sha that is the same in every run of a test, made from a name. */
export function sha(name: string): string {
  return createHash("sha1").update(name).digest("hex");
}

/** Adds commits to the history, oldest first, each the parent of the next; gives the last one's sha. */
export function addCommits(
  repository: Repository,
  names: readonly string[],
  parent?: string,
): string {
  let tip = parent;
  for (const name of names) {
    repository.ancestry.set(sha(name), tip === undefined ? [] : [tip]);
    tip = sha(name);
  }
  if (tip === undefined) throw new Error("no commits given");
  return tip;
}

export function addRepository(state: State, options: RepositoryOptions = {}): Repository {
  const { owner = "acme", ...rest } = options;
  const repository: Repository = {
    id: 1_001 + state.repositories.length,
    owner:
      typeof owner === "string"
        ? { id: ownerId(owner), login: owner, type: "Organization" }
        : owner,
    name: "app",
    private: true,
    defaultBranch: "main",
    forkOf: null,
    branches: new Map(),
    tags: new Map(),
    tagObjects: new Map(),
    ancestry: new Map(),
    ...rest,
  };
  state.repositories.push(repository);
  return repository;
}

export function addRun(state: State, repository: Repository, options: RunOptions = {}): Run {
  const { status = "in_progress", conclusion = null, triggeringActor, ...rest } = options;
  const number = state.runs.length + 1;
  const headBranch = rest.headBranch === undefined ? repository.defaultBranch : rest.headBranch;
  const actor = rest.actor ?? octocat;
  const run: Run = {
    id: 5_000 + number,
    repository,
    headRepository: repository,
    name: "Deploy",
    event: "push",
    headBranch,
    headSha: repository.branches.get(headBranch ?? "") ?? sha("nowhere"),
    ref: `refs/heads/${headBranch ?? repository.defaultBranch}`,
    path: ".github/workflows/deploy.yml",
    workflowId: 161_335,
    runNumber: number,
    displayTitle: "Update README.md",
    actor,
    pullRequests: [],
    referencedWorkflows: [],
    createdAt: state.time(),
    attempts: [],
    ...rest,
  };
  addAttempt(state, run, triggeringActor ?? actor);
  Object.assign(currentAttempt(run), { status, conclusion });
  state.runs.push(run);
  return run;
}

export function addAttempt(state: State, run: Run, triggeringActor: User): Attempt {
  const now = state.time();
  const attempt: Attempt = {
    number: run.attempts.length + 1,
    status: "in_progress",
    conclusion: null,
    triggeringActor,
    startedAt: now,
    updatedAt: now,
    jobs: [],
  };
  run.attempts.push(attempt);
  return attempt;
}

/** A job of the run's current attempt, with `Set up job` done. */
export function addJob(state: State, run: Run, options: JobOptions = {}): Job {
  const serial = state.nextSerial();
  const now = state.time();
  const job: Job = {
    run,
    attempt: currentAttempt(run),
    id: 7_000 + serial,
    // Far from the REST id, and growing at another pace, so that neither can pass for the other.
    internalId: 81_000_000 + serial * 7,
    name: "deploy",
    status: "in_progress",
    conclusion: null,
    createdAt: now,
    startedAt: now,
    completedAt: null,
    labels: ["ubuntu-latest"],
    runnerId: 11 + serial,
    runnerName: `GitHub Actions ${11 + serial}`,
    runnerGroupId: 0,
    runnerGroupName: "GitHub Actions",
    environment: null,
    jobWorkflowRef: null,
    steps: [],
    masks: [],
    stopToken: null,
    ...options,
  };
  job.attempt.jobs.push(job);
  addStep(state, job, { name: "Set up job", status: "completed", conclusion: "success" });
  return job;
}

/** A step in progress, unless told otherwise, with the next number. */
export function addStep(state: State, job: Job, options: StepOptions = {}): Step {
  const status = options.status ?? "in_progress";
  const conclusion: Conclusion | null = status === "completed" ? "success" : null;
  const step: Step = {
    uuid: randomUUID(),
    name: "assume role",
    number: (job.steps.at(-1)?.number ?? 0) + 1,
    status,
    conclusion,
    startedAt: status === "queued" ? null : state.time(),
    completedAt: status === "completed" ? state.time() : null,
    live: [],
    spoken: 0,
    log: "",
    ...options,
  };
  job.steps.push(step);
  return step;
}

function ownerId(owner: string): number {
  return owner === "acme"
    ? 9_001
    : 10_000 + (Number.parseInt(sha(owner).slice(0, 6), 16) % 1_000_000);
}
