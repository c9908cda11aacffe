import { html, json, redirect, type Answer, type Request } from "../answer.ts";
import { fullName, type Job, type Repository, type Step } from "./model.ts";
import { jobPage, logPath } from "./page.ts";
import { dispatch, get, id, type Route } from "./route.ts";
import { mayRead, nothingHere, readerOf, wantsJson, type Reader } from "./sign-in.ts";
import type { State } from "./state.ts";
import { stepLogUrl } from "./storage.ts";

/** A request below /{owner}/{repo}. */
interface Asked {
  readonly state: State;
  readonly repository: Repository;
  readonly reader: Reader;
}

const longestBackscroll = 1_000;

const routes: readonly Route<Asked, Answer>[] = [
  get("/actions/runs/:run/job/:job", (part, { state, repository, reader }) => {
    const job = state.job(repository, id(part("job")));
    if (job === undefined || job.run.id !== id(part("run"))) return undefined;
    return html(jobPage(state, job, reader.is === "signed-in"));
  }),

  // Only the internal id opens these two, never the REST id; a job without steps has nothing either.
  get("/actions/runs/:run/jobs/:internal/steps", (part, asked) => {
    const job = internalJob(asked, id(part("run")), id(part("internal")));
    if (job === undefined || job.steps.length === 0) return undefined;
    return json(job.steps.map((step) => stepShape(job, step)));
  }),

  get("/actions/runs/:run/jobs/:internal/steps/:uuid/backscroll", (part, asked) => {
    const job = internalJob(asked, id(part("run")), id(part("internal")));
    const step = job?.steps.find(({ uuid }) => uuid === part("uuid"));
    return step && json(backscroll(asked.state, step));
  }),

  get("/commit/:sha/checks/:job/logs/:number", (part, { state, repository, reader }) => {
    const job = state.job(repository, id(part("job")));
    const step = job?.steps.find(({ number }) => number === id(part("number")));
    if (reader.is !== "signed-in" || job?.run.headSha !== part("sha")) return undefined;
    return step?.status === "completed" ? redirect(stepLogUrl(state, job, step)) : undefined;
  }),
];

/** The web as a browser sees it. */
export function webAnswer(state: State, request: Request): Answer {
  const reader = readerOf(state, request);
  if (reader.is === "expired") return reader.answer;
  if (request.pathname === "/settings/profile") return profile(state, reader);
  const [, owner = "", name = "", rest = ""] =
    /^\/([^/]+)\/([^/]+)(\/.*)?$/.exec(request.pathname) ?? [];
  const repository = state.repositoryNamed(owner, name);
  const former = state.formerlyNamed(owner, name);
  if (repository === undefined && former !== undefined && mayRead(former, reader)) {
    return redirect(
      `${state.webUrl}/${fullName(former)}${request.path.slice(`/${owner}/${name}`.length)}`,
      301,
    );
  }
  if (repository === undefined || !mayRead(repository, reader)) return nothingHere(request);
  if (rest.endsWith("/steps") && !wantsJson(request)) return html("", 400);
  const answer =
    request.method === "GET" ? dispatch(routes, rest, { state, repository, reader }) : undefined;
  return answer ?? nothingHere(request);
}

/** A page of the reader's own; others are sent to sign in. */
function profile(state: State, reader: Reader): Answer {
  if (reader.is === "signed-in")
    return html("<!DOCTYPE html><html><head><title>Your profile</title></head></html>");
  const back = encodeURIComponent(`${state.webUrl}/settings/profile`);
  return redirect(`${state.webUrl}/login?return_to=${back}`);
}

/** A job by the web's own id, for who is signed in. */
function internalJob(
  { state, repository, reader }: Asked,
  run: number,
  job: number,
): Job | undefined {
  if (reader.is !== "signed-in") return undefined;
  const jobs = state.run(repository, run)?.attempts.flatMap((attempt) => attempt.jobs);
  return jobs?.find(({ internalId }) => internalId === job);
}

function stepShape(job: Job, step: Step): Record<string, unknown> {
  const completed = step.status === "completed";
  return {
    id: step.uuid,
    name: step.name,
    status: step.status,
    conclusion: step.conclusion,
    number: step.number,
    change_id: step.number,
    started_at: step.startedAt,
    completed_at: step.completedAt,
    completed_log_lines: completed ? step.log.split("\n").length - 1 : null,
    log_url: completed ? logPath(job, step) : null,
    is_background: false,
  };
}

/** The last 1,000 items of a step in progress; no `lines` before the first, and none left once it is completed. */
function backscroll(state: State, step: Step): { lines?: { id: string; line: string }[] } {
  if (step.status === "completed") return { lines: [] };
  const now = state.now();
  const lines = step.live.filter((item) => item.visibleAt <= now).slice(-longestBackscroll);
  return lines.length === 0
    ? {}
    : { lines: lines.map((item) => ({ id: item.id, line: item.line })) };
}
