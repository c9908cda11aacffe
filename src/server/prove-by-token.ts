import { Refusal } from "../core/errors.ts";
import { parseJob } from "../core/github-answers.ts";
import type { Grant } from "../core/grant.ts";
import type { RunIdentity } from "../core/identity.ts";
import { type Claims, factsOf, identityOf, refOf } from "../core/oidc-claims.ts";
import { decide, mismatches } from "../core/policy.ts";
import type { Clock } from "./broker-parts.ts";
import { addressOf, type Case, type Findings, type Inquiry } from "./examine.ts";
import type { GitHubFacts } from "./github/ports.ts";

/**
 * The OIDC proof: all that is known of the run comes from its verified token, so no call is made. One
 * thing a token does not tell is the job's display name: only for a grant that pins it, and that would
 * fit but for it and the kind of proof, the job is looked up by the id that the token names.
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
  const identity = identityOf(token);
  const at = clock.steady();
  Object.assign(findings, { identity, ref: ref.proved });
  const named = grants.some((grant) => {
    const fields = mismatches(grant, identity, inquiry, ref);
    return fields.includes("job") && fields.every((field) => field === "job" || field === "proof");
  });
  const known = named
    ? await withJobName(github, identity, inquiry, at)
    : { identity, facts: factsOf(token) };
  findings.identity = known.identity;
  const grant = decide(grants, known.identity, inquiry, ref);
  findings.grant = grant.name;
  return {
    grant,
    identity: known.identity,
    ref: ref.proved,
    facts: { ...factsOf(token), ...known.facts },
    at,
  };
}

async function withJobName(
  github: GitHubFacts,
  identity: RunIdentity,
  inquiry: Inquiry,
  arrivedAt: number,
): Promise<{ identity: RunIdentity; facts: { job?: unknown } }> {
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
  if (status === "completed") {
    throw new Refusal("not_in_progress", { detail: "The job is not in progress." });
  }
  return {
    identity: { ...identity, job: { id: identity.job.id, name } },
    facts: { job },
  };
}
