import { z } from "zod";
import { Refusal } from "./errors.ts";
import { type RunIdentity, workflowOf } from "./identity.ts";
import { decimalId, repositoryShape } from "./request.ts";

/**
 * What a verified GitHub OIDC token says. GitHub writes ids and booleans as text; `sub` has several
 * forms and is never looked at (O-04), and claims that no check needs are left alone.
 * Source: https://docs.github.com/en/actions/reference/security/oidc
 */
const text = z.string().min(1);

const claims = z.object({
  jti: text,
  iat: z.int(),
  nbf: z.int().optional(),
  exp: z.int(),
  repository: z.string().regex(repositoryShape),
  repository_id: decimalId,
  run_id: decimalId,
  run_attempt: decimalId,
  run_number: decimalId,
  check_run_id: decimalId,
  event_name: text,
  ref: text,
  ref_type: z.enum(["branch", "tag"]),
  sha: z.string().regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/),
  workflow_ref: text,
  job_workflow_ref: text.optional(),
  job_workflow_sha: text.optional(),
  actor: text,
  environment: text.optional(),
});

export type Claims = z.output<typeof claims>;

/** @throws {Refusal} oidc_invalid: a claim that a check needs is missing or of another type (O-12, O-15) */
export function parseClaims(payload: unknown): Claims {
  const result = claims.safeParse(payload);
  if (result.success) return result.data;
  const claim = result.error.issues[0]?.path.join(".") ?? "";
  throw oidcInvalid(`its claim ${claim} is missing or not as GitHub writes it`);
}

/** Who the token says is asking, in the terms of the log proof. */
export function identityOf(token: Claims): RunIdentity {
  return {
    repository: { id: token.repository_id, name: token.repository },
    fork: forkOf(token.event_name),
    run: { id: token.run_id, attempt: token.run_attempt, number: token.run_number },
    job: { id: token.check_run_id, name: null },
    event: token.event_name,
    workflow: workflowOf(token.workflow_ref, token.repository, (ref) => ref === token.ref),
    calledWorkflows: calledWorkflow(token),
    headBranch: shortRef(token.ref),
    headSha: token.sha,
    actor: token.actor,
    // The token names who started the run; who re-ran it, it does not tell (G-07).
    triggeringActor: token.run_attempt === 1 ? token.actor : null,
    environment: token.environment ?? null,
  };
}

/**
 * A private repository may give tokens to pull requests of forks as well, and no claim tells whose a pull
 * request is. One whose workflow is not its own is worse: it counts as a fork's, whoever it is of (O-05).
 */
function forkOf(event: string): boolean | null {
  if (event === "pull_request_target") return true;
  return event.startsWith("pull_request") ? null : false;
}

/** The ref, if it is of the kind that the token says. */
export function refOf({ ref, ref_type: type }: Claims): string | null {
  const fits = type === "tag" ? ref.startsWith("refs/tags/") : /^refs\/(?:heads|pull)\//.test(ref);
  return fits ? ref : null;
}

/** The parts of REST's run and job that the token has, for the grant's tags. */
export function factsOf(token: Claims): { run: object; job: object } {
  const [login = "", name = ""] = token.repository.split("/");
  return {
    run: {
      id: token.run_id,
      run_number: token.run_number,
      run_attempt: token.run_attempt,
      event: token.event_name,
      head_sha: token.sha,
      head_branch: shortRef(token.ref),
      repository: { id: token.repository_id, full_name: token.repository, name, owner: { login } },
      actor: { login: token.actor },
    },
    job: {
      id: token.check_run_id,
      run_id: token.run_id,
      run_attempt: token.run_attempt,
      head_sha: token.sha,
    },
  };
}

/**
 * The token must be of the very run and job that the request names (O-11).
 *
 * @throws {Refusal} oidc_invalid
 */
export function assertOf(
  token: Claims,
  ask: {
    repository: string;
    run_id: number;
    run_attempt: number;
    job: { id?: number | undefined };
  },
): void {
  const same =
    token.repository.toLowerCase() === ask.repository.toLowerCase() &&
    token.run_id === ask.run_id &&
    token.run_attempt === ask.run_attempt &&
    (ask.job.id === undefined || ask.job.id === token.check_run_id);
  if (!same) throw oidcInvalid("it is another run's or job's than the request names");
}

/**
 * @param reason a fixed text that holds nothing of the token (O-18)
 * @param retryAfter seconds after which another token may be taken; left out: none will be
 */
export function oidcInvalid(reason: string, retryAfter?: number): Refusal {
  const detail = `The OIDC token is not accepted: ${reason}.`;
  return new Refusal("oidc_invalid", {
    detail,
    ...(retryAfter !== undefined && { retryAfter }),
  });
}

/** A workflow of another repository, which holds the job's steps (O-14). */
function calledWorkflow({
  repository,
  job_workflow_ref: called,
  job_workflow_sha: sha,
}: Claims): string[][] {
  if (called === undefined || called.toLowerCase().startsWith(`${repository.toLowerCase()}/`))
    return [];
  const [file = ""] = called.split("@");
  return [[called, ...(sha === undefined ? [] : [`${file}@${sha}`])]];
}

function shortRef(ref: string): string | null {
  return /^refs\/(?:heads|tags)\/(.+)$/s.exec(ref)?.[1] ?? null;
}
