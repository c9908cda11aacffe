import { currentAttempt, fullName, type Attempt, type Job, type Run } from "./model.ts";
import { minimalRepositoryShape, nodeId, userShape, type Json } from "./shapes.ts";
import type { State } from "./state.ts";

export function runShape(state: State, run: Run, attempt: Attempt = currentAttempt(run)): Json {
  const name = fullName(run.repository);
  const api = `${state.apiUrl}/repos/${name}/actions`;
  const url = `${api}/runs/${run.id}`;
  // An earlier attempt is told apart by its own URL alone; the latest has none.
  const page = attempt === currentAttempt(run) ? "" : `/attempts/${attempt.number}`;
  return {
    id: run.id,
    name: run.name,
    node_id: nodeId("WorkflowRun", run.id),
    head_branch: run.headBranch,
    head_sha: run.headSha,
    path: run.path,
    display_title: run.displayTitle,
    run_number: run.runNumber,
    event: run.event,
    status: attempt.status,
    conclusion: attempt.conclusion,
    workflow_id: run.workflowId,
    check_suite_id: run.id + 500_000,
    check_suite_node_id: nodeId("CheckSuite", run.id + 500_000),
    url,
    html_url: `${state.webUrl}/${name}/actions/runs/${run.id}${page}`,
    pull_requests: run.pullRequests,
    created_at: run.createdAt,
    updated_at: attempt.updatedAt,
    actor: userShape(state, run.actor),
    run_attempt: attempt.number,
    referenced_workflows: run.referencedWorkflows,
    run_started_at: attempt.startedAt,
    triggering_actor: userShape(state, attempt.triggeringActor),
    jobs_url: `${url}${page}/jobs`,
    logs_url: `${url}${page}/logs`,
    check_suite_url: `${state.apiUrl}/repos/${name}/check-suites/${run.id + 500_000}`,
    artifacts_url: `${url}/artifacts`,
    cancel_url: `${url}/cancel`,
    rerun_url: `${url}/rerun`,
    previous_attempt_url: attempt.number > 1 ? `${url}/attempts/${attempt.number - 1}` : null,
    workflow_url: `${api}/workflows/${run.workflowId}`,
    head_commit: {
      id: run.headSha,
      tree_id: run.headSha,
      message: run.displayTitle,
      timestamp: run.createdAt,
      author: { name: run.actor.login, email: `${run.actor.login}@example.com` },
      committer: { name: "GitHub", email: "noreply@github.com" },
    },
    repository: minimalRepositoryShape(state, run.repository),
    head_repository:
      run.headRepository === null ? null : minimalRepositoryShape(state, run.headRepository),
  };
}

export function jobShape(state: State, job: Job): Json {
  const name = fullName(job.run.repository);
  const api = `${state.apiUrl}/repos/${name}`;
  return {
    id: job.id,
    run_id: job.run.id,
    workflow_name: job.run.name,
    head_branch: job.run.headBranch,
    run_url: `${api}/actions/runs/${job.run.id}`,
    run_attempt: job.attempt.number,
    node_id: nodeId("CheckRun", job.id),
    head_sha: job.run.headSha,
    url: `${api}/actions/jobs/${job.id}`,
    html_url: `${state.webUrl}/${name}/actions/runs/${job.run.id}/job/${job.id}`,
    status: job.status,
    conclusion: job.conclusion,
    created_at: job.createdAt,
    started_at: job.startedAt,
    completed_at: job.completedAt,
    name: job.name,
    steps: job.steps.map((step) => ({
      name: step.name,
      status: step.status,
      conclusion: step.conclusion,
      number: step.number,
      started_at: step.startedAt,
      completed_at: step.completedAt,
    })),
    check_run_url: `${api}/check-runs/${job.id}`,
    labels: job.labels,
    runner_id: job.runnerId,
    runner_name: job.runnerName,
    runner_group_id: job.runnerGroupId,
    runner_group_name: job.runnerGroupName,
  };
}
