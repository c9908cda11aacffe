import { json, redirect, type Answer } from "../answer.ts";
import type { Asked } from "./asked.ts";
import { commitAnswer, compareAnswer } from "./commits.ts";
import { notFound, refusal } from "./errors.ts";
import { currentAttempt, type Attempt, type Job, type Run } from "./model.ts";
import { page } from "./pages.ts";
import { matchingRefsAnswer, refAnswer, tagAnswer } from "./refs.ts";
import { get, id, type Route } from "./route.ts";
import { jobShape, runShape } from "./run-shapes.ts";
import { repositoryShape } from "./shapes.ts";
import { jobLogUrl } from "./storage.ts";

const runDocs = "https://docs.github.com/rest/actions/workflow-runs#get-a-workflow-run";
const jobDocs = "https://docs.github.com/rest/actions/workflow-jobs#get-a-job-for-a-workflow-run";
const logDocs =
  "https://docs.github.com/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run";

export const repositoryRoutes: readonly Route<Asked, Answer>[] = [
  get("", (_, { state, repository }) => json(repositoryShape(state, repository))),

  get("/actions/runs", (_, asked) => {
    const wanted = asked.request.query.get("status");
    const listed = asked.state.runs.filter(
      (run) =>
        run.repository === asked.repository &&
        (wanted === null || wanted === currentAttempt(run).status),
    );
    return page(asked, "workflow_runs", listed.toReversed(), runShape);
  }),

  get("/actions/runs/:run", (part, { state, repository }) => {
    const run = state.run(repository, id(part("run")));
    return run === undefined ? notFound(runDocs) : json(runShape(state, run));
  }),

  get("/actions/runs/:run/attempts/:attempt", (part, { state, repository }) => {
    const run = state.run(repository, id(part("run")));
    const attempt = attemptOf(run, part("attempt"));
    if (run === undefined || attempt === undefined) return notFound(runDocs);
    return json(runShape(state, run, attempt));
  }),

  get("/actions/runs/:run/jobs", (part, asked) => {
    const run = asked.state.run(asked.repository, id(part("run")));
    if (run === undefined) return notFound(jobDocs);
    return page(asked, "jobs", jobsOf(run, asked.request.query.get("filter")), jobShape);
  }),

  get("/actions/runs/:run/attempts/:attempt/jobs", (part, asked) => {
    const run = asked.state.run(asked.repository, id(part("run")));
    const attempt = attemptOf(run, part("attempt"));
    return attempt === undefined ? notFound(jobDocs) : page(asked, "jobs", attempt.jobs, jobShape);
  }),

  get("/actions/jobs/:job", (part, { state, repository }) => {
    const job = state.job(repository, id(part("job")));
    return job === undefined ? notFound(jobDocs) : json(jobShape(state, job));
  }),

  // No public call gives the log of a job in progress; this is why the broker needs the web session.
  get("/actions/jobs/:job/logs", (part, { state, repository }) => {
    const job = state.job(repository, id(part("job")));
    if (job === undefined) return notFound(logDocs);
    if (job.status !== "completed") return refusal(404, "BlobNotFound", logDocs);
    return redirect(jobLogUrl(state, job));
  }),

  get("/git/ref/*ref", (part, asked) => refAnswer(asked, part("ref"))),
  get("/git/matching-refs/*ref", (part, asked) => matchingRefsAnswer(asked, part("ref"))),
  get("/git/tags/:sha", (part, asked) => tagAnswer(asked, part("sha"))),
  get("/compare/*basehead", (part, asked) => compareAnswer(asked, part("basehead"))),
  get("/commits/*ref", (part, asked) => commitAnswer(asked, part("ref"))),
];

function attemptOf(run: Run | undefined, number: string): Attempt | undefined {
  return run?.attempts.find((attempt) => attempt.number === id(number));
}

function jobsOf(run: Run, filter: string | null): Job[] {
  if (filter === "all") return run.attempts.flatMap((attempt) => attempt.jobs);
  return currentAttempt(run).jobs;
}
