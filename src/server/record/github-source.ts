import { Refusal } from "../../core/errors.ts";
import type { Secret } from "../../core/secret.ts";
import { RestFacts } from "../github/facts.ts";
import { GitHubRest } from "../github/rest.ts";
import { GitHubSession } from "../github/session.ts";
import { readStoredLog } from "../github/stored-log.ts";
import { WebJobLog } from "../github/web.ts";
import type { Network } from "../network.ts";
import type { Source } from "./record.ts";

/** The logs of steps that no grant pins can be large; a recording takes files up to this. */
const maxLogBytes = 32 * 2 ** 20;

/** GitHub, read by the broker's own means. */
export function gitHubSource(parts: {
  serverUrl: string;
  apiUrl: string;
  token: Secret;
  session: Secret;
  network: Network;
  now: () => number;
}): Source {
  const { serverUrl, apiUrl, token, network, now } = parts;
  const rest = new GitHubRest({ apiUrl, token: () => Promise.resolve(token), network, now });
  const web = { webUrl: serverUrl, session: () => parts.session, network };
  const log = new WebJobLog(web);
  const session = new GitHubSession(web);
  return {
    facts: new RestFacts(rest),
    attempt: async ({ repository, runId, runAttempt }) => {
      const [owner = "", repo = ""] = repository.split("/");
      const { value } = await rest.get(
        "GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}",
        { owner, repo, run_id: runId, attempt_number: runAttempt },
        now(),
      );
      if (value !== null) return value.json;
      throw new Refusal("job_not_found", { detail: "GitHub has no such run or attempt." });
    },
    show: (job) => log.show(job),
    storedLog: (job, step) => readStoredLog(session, network, job, step, maxLogBytes),
  };
}
