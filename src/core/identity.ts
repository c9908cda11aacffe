import { Refusal } from "./errors.ts";
import { unusable, type Job, type Run } from "./github-answers.ts";
import { foldAscii } from "./pattern.ts";
import type { JobSelector } from "./request.ts";

/**
 * Who is asking: what GitHub says of a run and one of its jobs. Nothing in here comes from the
 * caller. Answers that contradict each other make no identity.
 */
export interface RunIdentity {
  repository: { id: number; name: string };
  /** By ids, never by names; a deleted head repository counts as a fork (G-01). Null: a token does not tell it. */
  fork: boolean | null;
  run: { id: number; attempt: number; number: number };
  /** The display name; an OIDC token does not tell it. */
  job: { id: number; name: string | null };
  event: string;
  /** Path of the workflow file in this repository; null when it is another repository's or unreadable (G-12). */
  workflow: string | null;
  /** Workflows of other repositories that the run calls, each as the spellings a grant may list (G-11). */
  calledWorkflows: readonly (readonly string[])[];
  /** GitHub's short name; lies for whoever reads it alone. ref.ts proves what it stands for. */
  headBranch: string | null;
  headSha: string;
  actor: string | null;
  triggeringActor: string | null;
  /** Known from an OIDC token alone (G-19). */
  environment: string | null;
}

/** Statuses of a job that has not begun: the list lags behind the runner, so asking again may help (G-23). */
const notYet = new Set(["queued", "waiting", "requested", "pending"]);

/**
 * @param repository as the caller wrote it; GitHub's own spelling is what counts afterwards (G-15)
 * @throws {Refusal} not_in_progress, no_grant (the repository has another name now), github_unavailable
 */
export function identify(
  run: Run,
  job: Job,
  asked: { repository: string; run_id: number; run_attempt: number },
): RunIdentity {
  if (foldAscii(run.repository.full_name) !== foldAscii(asked.repository)) {
    throw new Refusal("no_grant", {
      fields: ["repository"],
      note: "the repository has another name now",
    });
  }
  assertSame(run, job, asked.run_id);
  assertInProgress(run, job, asked.run_attempt);
  return identityFrom(run, job);
}

/** Run and job in the terms of the grants, be they in progress or not: nothing is decided on this alone. */
export function identityFrom(run: Run, job: Job): RunIdentity {
  return {
    repository: { id: run.repository.id, name: run.repository.full_name },
    fork: isFork(run),
    run: { id: run.id, attempt: run.run_attempt, number: run.run_number },
    job: { id: job.id, name: job.name },
    event: run.event,
    workflow: workflowOf(run.path, run.repository.full_name, (ref) => isRefOf(run, ref)),
    calledWorkflows: calledWorkflows(run, job),
    headBranch: run.head_branch ?? null,
    headSha: run.head_sha,
    actor: run.actor?.login ?? null,
    triggeringActor: run.triggering_actor?.login ?? null,
    environment: null,
  };
}

export function isFork({ repository, head_repository: head }: Run): boolean {
  return head?.id !== repository.id;
}

/** A job spliced in from another run, or a run that is not the one asked for (G-08, H-11). */
function assertSame(run: Run, job: Job, runId: number): void {
  if (run.id !== runId) throw unusable("GitHub answered with another run");
  if (job.run_id !== run.id) throw unusable("GitHub answered with another run's job");
  if (job.head_sha !== run.head_sha) throw unusable("run and job are of different commits");
}

function assertInProgress(run: Run, job: Job, attempt: number): void {
  if (run.run_attempt !== attempt) {
    throw new Refusal("not_in_progress", { detail: "This is not the run's current attempt." });
  }
  // A run with one job waiting for approval reads `waiting` while others of its jobs work.
  const runIsOpen = run.status === "in_progress" || (run.status !== null && notYet.has(run.status));
  if (!runIsOpen || run.conclusion !== null) {
    throw new Refusal("not_in_progress", { detail: "The run is not in progress." });
  }
  if ((job.run_attempt ?? attempt) !== attempt) {
    throw new Refusal("not_in_progress", { detail: "The job is of another attempt of the run." });
  }
  if (job.status !== "in_progress" || job.conclusion !== null) {
    const retryAfter = notYet.has(job.status) ? 2 : undefined;
    throw new Refusal("not_in_progress", {
      detail: retryAfter
        ? "GitHub does not say yet that the job has started."
        : "The job is not in progress.",
      ...(retryAfter && { retryAfter }),
    });
  }
}

/**
 * The job that the caller points at: by id, else the one in progress on that runner, else by display
 * name. Two that fit are an error, never a choice (G-10, G-24).
 *
 * @throws {Refusal} job_not_found, job_ambiguous
 */
export function selectJob(jobs: readonly Job[], by: JobSelector): Job {
  const found = candidates(jobs, by);
  const [job] = found;
  if (found.length > 1) {
    throw new Refusal("job_ambiguous", {
      detail: "More than one job fits: give the job's id (--job-id).",
    });
  }
  if (!job) {
    // The list lags behind the runner: while a job has not been seen to start, this may be it.
    const mayCome = by.id === undefined && jobs.some((entry) => notYet.has(entry.status));
    throw new Refusal("job_not_found", {
      detail: "No job of this run and attempt fits.",
      ...(mayCome && { retryAfter: 2 }),
    });
  }
  return job;
}

function candidates(jobs: readonly Job[], by: JobSelector): readonly Job[] {
  if (by.id !== undefined) return jobs.filter((job) => job.id === by.id);
  const onRunner =
    by.runner_name === undefined
      ? []
      : jobs.filter((job) => job.runner_name === by.runner_name && job.status === "in_progress");
  return onRunner.length > 0 ? onRunner : jobs.filter((job) => job.name === by.name);
}

/** `.github/workflows/x.yml`, maybe with the repository before it and `@ref` behind it. */
const pathShape = /^(?:([^/@]+\/[^/@]+)\/)?(\.github\/workflows\/[^/@]+)(?:@(.+))?$/s;

/**
 * @param reference `.github/workflows/x.yml`, maybe with a repository before it and `@ref` behind it
 * @param isOwnRef whether that ref is the run's own
 * @returns the file, if it is of this repository and ref
 */
export function workflowOf(
  reference: string,
  repository: string,
  isOwnRef: (ref: string) => boolean,
): string | null {
  const [, owner, file, ref] = pathShape.exec(reference) ?? [];
  if (file === undefined) return null;
  if (owner !== undefined && foldAscii(owner) !== foldAscii(repository)) return null;
  return ref === undefined || isOwnRef(ref) ? file : null;
}

/** The ref behind a path must be the run's own (G-12). Pull requests run on refs/pull/N/merge. */
function isRefOf({ head_branch, head_sha, event }: Run, ref: string): boolean {
  if (event.startsWith("pull_request") && /^refs\/pull\/[1-9][0-9]*\/(?:merge|head)$/.test(ref))
    return true;
  if (ref === head_sha) return true;
  return (
    typeof head_branch === "string" &&
    [head_branch, `refs/heads/${head_branch}`, `refs/tags/${head_branch}`].includes(ref)
  );
}

/**
 * GitHub may leave the list out. Then only a job whose name has the `caller / job` of a called workflow
 * can be of another repository's, and nobody lists what is not told (G-11).
 */
function calledWorkflows(run: Run, job: Job): string[][] {
  if (run.referenced_workflows == null && job.name.includes(" / "))
    return [["a workflow that GitHub does not tell"]];
  const own = `${foldAscii(run.repository.full_name)}/`;
  return (run.referenced_workflows ?? [])
    .filter(({ path }) => !foldAscii(path).startsWith(own))
    .map(({ path, sha, ref }) => {
      const [file = path] = path.split("@");
      return [`${file}@${ref ?? path.slice(file.length + 1)}`, `${file}@${sha}`];
    });
}
