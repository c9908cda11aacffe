import {
  addCommits,
  addJob,
  addRepository,
  addRun,
  addStep,
  type JobOptions,
  type RepositoryOptions,
  type RunOptions,
} from "./builders.ts";
import {
  currentAttempt,
  type Attempt,
  type Job,
  type Repository,
  type Run,
  type Step,
} from "./model.ts";
import type { State } from "./state.ts";

export interface Golden {
  readonly repository: Repository;
  readonly run: Run;
  readonly attempt: Attempt;
  readonly job: Job;
  /** `assume role`, in progress. */
  readonly step: Step;
}

/**
 * The case that must always be served: acme/app (1001), run 5001 attempt 1, a push to main whose tip it is,
 * job `deploy` (7001) in progress on `GitHub Actions 12`, step 2 `assume role` in progress.
 */
export function golden(state: State): Golden {
  const repository = addMain(state, { id: 1_001 });
  const run = addRun(state, repository, { id: 5_001 });
  const job = addJob(state, run, { id: 7_001, runnerName: "GitHub Actions 12", runnerId: 12 });
  const step = addStep(state, job);
  return { repository, run, attempt: currentAttempt(run), job, step };
}

export interface MatrixOptions {
  readonly jobs?: number;
  readonly name?: string;
  readonly repository?: Repository;
  readonly run?: RunOptions;
  readonly job?: JobOptions;
}

/** A matrix: `test (1)` … `test (100)`, each with a runner, ids and steps of its own. */
export function matrix(
  state: State,
  { jobs = 100, name = "test", repository, run: runOptions, job: jobOptions }: MatrixOptions = {},
): { run: Run; jobs: Job[] } {
  const run = addRun(state, repository ?? state.repositories[0] ?? addMain(state), runOptions);
  const made = Array.from({ length: jobs }, (_, index) => {
    const job = addJob(state, run, { ...jobOptions, name: `${name} (${index + 1})` });
    addStep(state, job);
    return job;
  });
  return { run, jobs: made };
}

/** A repository with three commits on main. */
function addMain(state: State, options: RepositoryOptions = {}): Repository {
  const repository = addRepository(state, options);
  repository.branches.set(
    "main",
    addCommits(
      repository,
      ["first", "second", "third"].map((name) => `${repository.id} ${name}`),
    ),
  );
  return repository;
}
