import type { Readable } from "node:stream";

import { fullName, type Job } from "./model.ts";
import type { State } from "./state.ts";

/** The variables that the runner gives to a job's processes, as far as they tell who the job is. */
export function environmentOf(state: State, job: Job): Record<string, string> {
  const { run, attempt } = job;
  const repository = fullName(run.repository);
  return {
    CI: "true",
    GITHUB_ACTIONS: "true",
    GITHUB_SERVER_URL: state.webUrl,
    GITHUB_API_URL: state.apiUrl,
    GITHUB_REPOSITORY: repository,
    GITHUB_REPOSITORY_ID: String(run.repository.id),
    GITHUB_RUN_ID: String(run.id),
    GITHUB_RUN_ATTEMPT: String(attempt.number),
    GITHUB_RUN_NUMBER: String(run.runNumber),
    // The YAML key, which the API does not show: not the name of a matrix job.
    GITHUB_JOB: job.name.replace(/ \(.*\)$/, ""),
    GITHUB_REF: run.ref,
    GITHUB_REF_NAME: run.headBranch ?? "",
    GITHUB_SHA: run.headSha,
    GITHUB_EVENT_NAME: run.event,
    GITHUB_ACTOR: run.actor.login,
    GITHUB_TRIGGERING_ACTOR: attempt.triggeringActor.login,
    RUNNER_ENVIRONMENT: "github-hosted",
    ...(job.runnerName === null ? {} : { RUNNER_NAME: job.runnerName }),
  };
}

/** Gives each line of a real process's output to `say` as soon as it is whole, and what is left at the end. */
export async function follow(output: Readable, say: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const chunk of output.setEncoding("utf8")) {
    rest += String(chunk);
    // A CR at the end may be half of a CRLF: it waits for what comes next.
    for (let end = rest.search(/\r\n|\n|\r(?!$)/); end >= 0; end = rest.search(/\r\n|\n|\r(?!$)/)) {
      say(rest.slice(0, end));
      rest = rest.slice(end + (rest.startsWith("\r\n", end) ? 2 : 1));
    }
  }
  if (rest !== "") say(rest);
}
