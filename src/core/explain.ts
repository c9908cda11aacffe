import type { Grant } from "./grant.ts";
import type { RunIdentity } from "./identity.ts";
import type { Ask, Field, KnownRef } from "./policy.ts";

/**
 * One field of a grant beside what the run is, in words. Only for who has proved to be the run, or for
 * the operator: to anybody else a denial names fields, never values (H-15).
 */
export interface Comparison {
  field: Field;
  wanted: string;
  actual: string;
}

export function compareField(
  field: Field,
  grant: Grant,
  identity: RunIdentity,
  ask: Ask,
  ref: KnownRef,
): Comparison {
  const [wanted, actual] = sides(field, grant, identity, ask, ref);
  return { field, wanted, actual };
}

/** `ref: the grant wants refs/heads/main, this run is refs/heads/dev` */
export function sentence({ field, wanted, actual }: Comparison): string {
  return `${field}: the grant wants ${wanted}, this run has ${actual}`;
}

function sides(
  field: Field,
  grant: Grant,
  identity: RunIdentity,
  ask: Ask,
  ref: KnownRef,
): [string, string] {
  const sources = (patterns: Grant["job"]): string => either(patterns?.map(({ source }) => source));
  const called = identity.calledWorkflows.map(([reference]) => reference ?? "");
  const all: Record<Field, [wanted: string, actual: string]> = {
    repository: [grant.repository.source, identity.repository.name],
    repository_id: [String(grant.repositoryId ?? "any"), String(identity.repository.id)],
    workflow: [
      either(grant.workflow),
      identity.workflow ?? "a workflow of another repository or ref",
    ],
    ref: [sources(grant.ref), refText(identity, ref)],
    event: [either(grant.event), identity.event],
    job: [sources(grant.job), identity.job.name ?? "a name that is not known"],
    step: [either(grant.step), ask.step ?? "any"],
    reusable_workflow: [either(grant.reusableWorkflow, "none"), either(called, "none")],
    actor: [either(grant.actor), identity.triggeringActor ?? "an actor that is not known"],
    environment: [either(grant.environment), identity.environment ?? "no proved environment"],
    proof: [grant.proof, proofText(ask)],
    forks: [grant.forks ? "any run" : "no run from a fork", forkText(identity)],
    max_duration: [
      `at most ${grant.maxDurationSeconds} s`,
      `${ask.duration_seconds ?? "no"} s asked for`,
    ],
  };
  return all[field];
}

function forkText({ fork }: RunIdentity): string {
  if (fork === null) return "no word on whether it is one";
  return fork ? "a fork" : "no fork";
}

function either(values: readonly string[] | undefined, none = "any"): string {
  return values === undefined || values.length === 0 ? none : values.join(" or ");
}

function refText(identity: RunIdentity, ref: KnownRef): string {
  if (ref === "unknown") return `${identity.headBranch ?? "no branch"} (not looked up)`;
  return ref.proved ?? `no proved ref (GitHub names ${identity.headBranch ?? "none"})`;
}

function proofText({ proofs: { log, oidc } }: Ask): string {
  if (log && oidc) return "both";
  return oidc ? "oidc" : "log";
}
