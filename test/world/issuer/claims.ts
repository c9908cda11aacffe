import { fullName, type Job } from "../github/model.ts";

export type Claims = Record<string, unknown>;

/** What GitHub's issuer says of a job. Ids and booleans are strings. */
export function claimsOf(job: Job): Claims {
  const { run, attempt } = job;
  const repository = fullName(run.repository);
  const isTag = run.ref.startsWith("refs/tags/");
  const pullRequest = run.event.startsWith("pull_request");
  const subject =
    job.environment !== null
      ? `environment:${job.environment}`
      : pullRequest
        ? "pull_request"
        : `ref:${run.ref}`;
  const path = run.path.replace(/@.*$/, "");
  return {
    sub: `repo:${repository}:${subject}`,
    repository,
    repository_id: String(run.repository.id),
    repository_owner: run.repository.owner.login,
    repository_owner_id: String(run.repository.owner.id),
    repository_visibility: run.repository.private ? "private" : "public",
    ref: run.ref,
    ref_type: isTag ? "tag" : "branch",
    ref_protected: "false",
    sha: run.headSha,
    head_ref: pullRequest ? (run.headBranch ?? "") : "",
    base_ref: pullRequest ? run.repository.defaultBranch : "",
    event_name: run.event,
    ...(job.environment === null ? {} : { environment: job.environment }),
    workflow: run.name ?? path,
    workflow_ref: `${repository}/${path}@${run.ref}`,
    workflow_sha: run.headSha,
    job_workflow_ref: job.jobWorkflowRef ?? `${repository}/${path}@${run.ref}`,
    job_workflow_sha: run.headSha,
    run_id: String(run.id),
    run_number: String(run.runNumber),
    run_attempt: String(attempt.number),
    actor: run.actor.login,
    actor_id: String(run.actor.id),
    runner_environment: "github-hosted",
    check_run_id: String(job.id),
  };
}
