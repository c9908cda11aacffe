import type { Code } from "./errors.ts";
import type { RunIdentity } from "./identity.ts";
import type { AssumeRolePlan } from "./issue.ts";

/** What is known of a request when it is decided; what was not reached is left out. */
export interface Decided {
  requestId: string;
  /** Milliseconds since 1970. */
  time: number;
  clientAddress: string;
  /** SHA-256 of the configuration in force, in hex (P-06). */
  policy: string;
  asked?: Asked | undefined;
  identity?: RunIdentity | undefined;
  ref?: string | null | undefined;
  grant?: string | undefined;
  plan?: AssumeRolePlan | undefined;
  /** Which proof was given; a renewal rests on the one given at first. */
  proof?: "log" | "oidc" | "both" | "renewal" | "legacy" | undefined;
}

/** What the caller claims; in the record beside what GitHub says, so that both can be told apart. */
export interface Asked {
  repository: string;
  run_id: number;
  run_attempt?: number;
  role?: string | undefined;
  public_key?: string | undefined;
}

export type Outcome =
  | { decision: "allowed"; accessKeyId: string; expiration: string }
  | { decision: "denied"; code: Code; fields: readonly string[]; note?: string | undefined };

/** A name of GitHub's that is longer is not a name; what is left out is told, not kept. */
const longestName = 1_000;

/**
 * A decision → its record: one JSON line. What was asked is bounded by what was accepted, what GitHub
 * says is cut where it is too long, and no secret is among the fields (H-22, O-18).
 */
export function auditRecord(decided: Decided, outcome: Outcome): Record<string, unknown> {
  const { asked, identity, plan } = decided;
  return {
    time: new Date(decided.time).toISOString(),
    request_id: decided.requestId,
    decision: outcome.decision,
    ...(outcome.decision === "denied"
      ? { code: outcome.code, fields: outcome.fields, ...(outcome.note && { note: outcome.note }) }
      : { code: "ok" }),
    grant: decided.grant,
    identity: identity && cut(identityRecord(identity, decided.ref)),
    asked,
    proof: decided.proof,
    role: plan?.roleArn ?? asked?.role,
    session_name: plan?.sessionName,
    tags: plan && Object.fromEntries(plan.tags.map(({ key, value }) => [key, value])),
    duration_seconds: plan?.durationSeconds,
    ...(outcome.decision === "allowed" && {
      access_key_id: outcome.accessKeyId,
      expiration: outcome.expiration,
    }),
    client_address: decided.clientAddress,
    policy: decided.policy,
  };
}

/**
 * A record → its line. JSON escapes what ends a line; what could move a terminal's cursor or turn text
 * around on it is escaped as well (H-22).
 */
export function lineOf(record: Record<string, unknown>): string {
  return JSON.stringify(record).replace(
    /[\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function cut(record: Record<string, unknown>): Record<string, unknown> {
  const shortened = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shortened);
    if (typeof value !== "string" || value.length <= longestName) return value;
    return `${value.slice(0, longestName)} … (${value.length} characters)`;
  };
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, shortened(value)]),
  );
}

/** Who a run is, by the names that the audit has for it. */
export function identityRecord(
  identity: RunIdentity,
  ref: string | null | undefined,
): Record<string, unknown> {
  return {
    repository: identity.repository.name,
    repository_id: identity.repository.id,
    fork: identity.fork,
    run_id: identity.run.id,
    run_attempt: identity.run.attempt,
    run_number: identity.run.number,
    job: identity.job.name,
    job_id: identity.job.id,
    workflow: identity.workflow,
    called_workflows: identity.calledWorkflows.map(([reference]) => reference),
    ref,
    head_branch: identity.headBranch,
    sha: identity.headSha,
    event: identity.event,
    environment: identity.environment,
    actor: identity.actor,
    triggering_actor: identity.triggeringActor,
  };
}
