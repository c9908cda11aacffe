import { Refusal } from "./errors.ts";
import type { Grant } from "./grant.ts";
import type { RunIdentity } from "./identity.ts";
import { evaluateTags, TagError, type SessionTag } from "./tags.ts";

/** A call of STS AssumeRole, whole; a pure plan, so that every guard has run before any effect. */
export interface AssumeRolePlan {
  readonly roleArn: string;
  readonly sessionName: string;
  readonly externalId: string;
  readonly durationSeconds: number;
  readonly tags: readonly SessionTag[];
  readonly transitiveTagKeys: readonly string[];
  readonly policy: string | undefined;
}

/** Credentials that die soon after the job: what is given when the caller asks for nothing. */
const defaultDurationSeconds = 900;

/**
 * @param asked the role has passed the grant; the duration is at most the grant's
 * @param facts run and job as GitHub's REST API gives them, for the tags
 * @throws {Refusal} no_grant when one of the grant's tags has no value for this run
 */
export function planIssue(
  grant: Grant,
  identity: RunIdentity,
  asked: { role: string; duration_seconds?: number | undefined },
  facts: { run: unknown; job: unknown },
): AssumeRolePlan {
  return Object.freeze({
    roleArn: asked.role,
    sessionName: sessionName(identity),
    externalId: grant.externalId ?? identity.repository.name,
    durationSeconds:
      asked.duration_seconds ?? Math.min(defaultDurationSeconds, grant.maxDurationSeconds),
    tags: tagsOf(grant, facts),
    transitiveTagKeys: grant.transitiveTags,
    policy: grant.sessionPolicy,
  });
}

/** Of ids alone: no two jobs share it, nobody can choose it, and it fits 64 characters. */
export function sessionName({ repository, run, job }: RunIdentity): string {
  return `a2a-${repository.id}-${run.id}-${run.attempt}-${job.id}`;
}

function tagsOf(grant: Grant, facts: { run: unknown; job: unknown }): SessionTag[] {
  try {
    return evaluateTags(grant.tags, facts);
  } catch (error) {
    throw new Refusal("no_grant", {
      fields: ["tags"],
      detail: "A session tag of the grant has no value for this run.",
      note: error instanceof TagError ? error.message : "a tag's expression failed",
      cause: error,
    });
  }
}
