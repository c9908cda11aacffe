import { Refusal } from "../core/errors.ts";
import { parseJob, parseRun, unusable } from "../core/github-answers.ts";
import type { Grant } from "../core/grant.ts";
import { isFork, type RunIdentity } from "../core/identity.ts";
import { type Claims, factsOf, identityOf, refOf } from "../core/oidc-claims.ts";
import { decide, type Field, isUntold, mismatches } from "../core/policy.ts";
import type { Clock } from "./broker-parts.ts";
import { addressOf, type Case, type Findings, type Inquiry } from "./examine.ts";
import type { GitHubFacts } from "./github/ports.ts";

/**
 * The OIDC proof: all that is known of the run comes from its verified token, so no call is made. Two
 * things a token does not tell: the job's display name, and whether a pull request is a fork's. Only for
 * a grant that would fit but for them and the kind of proof, GitHub is asked, by the ids of the token.
 *
 * @throws {Refusal}
 */
export async function proveByToken(
  { github, clock }: { github: GitHubFacts; clock: Clock },
  grants: readonly Grant[],
  inquiry: Inquiry,
  token: Claims,
  findings: Findings & { grant?: string | undefined },
): Promise<Case> {
  const ref = { proved: refOf(token) };
  const told = identityOf(token);
  const at = clock.steady();
  Object.assign(findings, { identity: told, ref: ref.proved });
  const untold = new Set<Field>(
    grants
      .map((grant) => mismatches(grant, told, inquiry, ref))
      .filter((fields) => fields.every((field) => field === "proof" || isUntold(field, told)))
      .flat(),
  );
  const [job, fork] = await Promise.all([
    untold.has("job") ? jobOf(github, told, inquiry, at) : undefined,
    untold.has("forks") ? forkOf(github, told, inquiry, at) : told.fork,
  ]);
  const identity = { ...told, fork, job: { id: told.job.id, name: job?.name ?? null } };
  findings.identity = identity;
  const grant = decide(grants, identity, inquiry, ref);
  findings.grant = grant.name;
  return {
    grant,
    identity,
    ref: ref.proved,
    facts: { ...factsOf(token), ...(job && { job: job.facts }) },
    at,
  };
}

/** @throws {Refusal} job_not_found, not_in_progress */
async function jobOf(
  github: GitHubFacts,
  identity: RunIdentity,
  inquiry: Inquiry,
  arrivedAt: number,
): Promise<{ name: string; facts: unknown }> {
  const { value } = await github.jobs(addressOf(inquiry), arrivedAt);
  const index = value
    .map(parseJob)
    .findIndex(({ id, run_id }) => id === identity.job.id && run_id === identity.run.id);
  const job = value[index];
  if (job === undefined) {
    throw new Refusal("job_not_found", {
      detail: "GitHub has no such job in this run.",
      retryAfter: 2,
    });
  }
  const { name, status } = parseJob(job);
  // A token outlives its job by minutes; where GitHub was asked anyway, its word counts (O-09).
  if (status === "completed") throw over("job");
  return { name, facts: job };
}

/** @throws {Refusal} job_not_found, not_in_progress, github_unavailable */
async function forkOf(
  github: GitHubFacts,
  { repository, run: { id } }: RunIdentity,
  inquiry: Inquiry,
  arrivedAt: number,
): Promise<boolean> {
  const run = parseRun((await github.run(addressOf(inquiry), arrivedAt)).value);
  if (run.id !== id || run.repository.id !== repository.id)
    throw unusable("GitHub answered with another run than the token's");
  if (run.status === "completed") throw over("run");
  return isFork(run);
}

function over(what: "run" | "job"): Refusal {
  return new Refusal("not_in_progress", { detail: `The ${what} is not in progress.` });
}
