import { Refusal } from "./errors.ts";
import { compareField, sentence } from "./explain.ts";
import { foldRepository, type Grant } from "./grant.ts";
import type { RunIdentity } from "./identity.ts";
import { foldAscii } from "./pattern.ts";
import { possibleRefs } from "./ref.ts";

/** All grants, in an order that decides nothing. */
export interface Policy {
  readonly grants: readonly Grant[];
}

/** What is asked for, of the fields that a decision looks at. */
export interface Ask {
  repository: string;
  role: string;
  proofs: Proofs;
  step?: string | undefined;
  duration_seconds?: number | undefined;
}

/** Which proofs come with a request. They are read after the decision, or before; here only their kinds count. */
export interface Proofs {
  log: boolean;
  oidc: boolean;
}

/** A field of a grant that a run can fail to match, in the order in which they are told. */
export type Field =
  | "repository"
  | "repository_id"
  | "workflow"
  | "ref"
  | "event"
  | "job"
  | "step"
  | "reusable_workflow"
  | "actor"
  | "environment"
  | "proof"
  | "forks"
  | "max_duration";

/** Whether any grant speaks of this repository: what may be looked up for it at all (H-09). */
export function namesRepository(policy: Policy, repository: string): boolean {
  const name = foldAscii(repository);
  return policy.grants.some((grant) => grant.repository.matches(name));
}

/**
 * The grants that could allow what is asked, before anything is known of the run: no call is made for
 * a repository or role that no grant has (H-09, A-01).
 *
 * @throws {Refusal} no_grant, role_not_granted
 */
export function grantsFor(
  policy: Policy,
  { repository, role }: Pick<Ask, "repository" | "role">,
): readonly Grant[] {
  const name = foldAscii(repository);
  const ofRepository = policy.grants.filter((grant) => grant.repository.matches(name));
  if (ofRepository.length === 0) {
    throw new Refusal("no_grant", {
      fields: ["repository"],
      detail: "No grant is for this repository.",
    });
  }
  const ofRole = ofRepository.filter((grant) =>
    grant.role.some((pattern) => pattern.matches(role)),
  );
  if (ofRole.length === 0) {
    throw new Refusal("role_not_granted", {
      fields: ["role"],
      detail: "No grant gives this repository that role.",
    });
  }
  return ofRole;
}

/**
 * A token alone, where every grant wants the log as well: the caller is told to bring that, whatever
 * the token may be worth.
 *
 * @throws {Refusal} no_grant, for `proof`
 */
export function assertProofWanted(grants: readonly Grant[], { log }: Proofs): void {
  if (log || grants.some(({ proof }) => proof === "oidc" || proof === "either")) return;
  throw new Refusal("no_grant", { fields: ["proof"], detail: "The grant wants the log proof." });
}

/** What is known of the run's ref: proved, or not looked up yet. */
export type KnownRef = { proved: string | null } | "unknown";

/**
 * True if the ref can decide: a grant pins one, the run may be of it, and all else fits. Otherwise
 * looking refs up would only cost budget.
 */
export function needsRef(grants: readonly Grant[], identity: RunIdentity, ask: Ask): boolean {
  return grants.some(
    (grant) => grant.ref !== undefined && mismatches(grant, identity, ask, "unknown").length === 0,
  );
}

/**
 * The one grant that allows this run what it asks. All conditions of one grant must hold; two grants
 * that allow it must come to the same, or neither counts, whatever their order (P-05).
 *
 * @throws {Refusal} fork, no_grant with the fields of the closest grant
 */
export function decide(
  grants: readonly Grant[],
  identity: RunIdentity,
  ask: Ask,
  ref: KnownRef,
): Grant {
  const judged = grants
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((grant) => ({ grant, fields: mismatches(grant, identity, ask, ref) }));
  const [first, ...others] = judged
    .filter(({ fields }) => fields.length === 0)
    .map(({ grant }) => grant)
    // A ref that was not looked up may explain a denial, and never allows.
    .filter((grant) => grant.ref === undefined || ref !== "unknown");
  if (first === undefined) throw denial(judged, identity, ask, ref);
  if (others.some((other) => outcome(other) !== outcome(first))) {
    throw new Refusal("no_grant", {
      detail: "More than one grant allows this, and they differ: the operator has to mend that.",
      note: `grants in conflict: ${[first, ...others].map(({ name }) => name).join(", ")}`,
    });
  }
  return first;
}

/** @returns the fields of the grant that the run does not match; none when it matches. */
export function mismatches(
  grant: Grant,
  identity: RunIdentity,
  ask: Ask,
  ref: KnownRef,
): readonly Field[] {
  const checks: Record<Field, boolean> = {
    repository: grant.repository.matches(foldAscii(identity.repository.name)),
    repository_id:
      grant.repositoryId === undefined || grant.repositoryId === identity.repository.id,
    workflow: grant.workflow === undefined || grant.workflow.includes(identity.workflow ?? ""),
    ref: matchesRef(grant, identity, ref),
    event: grant.event.includes(identity.event),
    job:
      grant.job === undefined ||
      grant.job.some((pattern) => pattern.matches(identity.job.name ?? "")),
    step: ask.step === undefined || grant.step.includes(ask.step),
    reusable_workflow: identity.calledWorkflows.every((spellings) =>
      spellings.some((spelling) => grant.reusableWorkflow.includes(foldRepository(spelling))),
    ),
    actor:
      grant.actor === undefined || grant.actor.includes(foldAscii(identity.triggeringActor ?? "")),
    environment:
      grant.environment === undefined || grant.environment.includes(identity.environment ?? ""),
    proof: acceptsProof(grant, ask.proofs),
    forks: grant.forks || identity.fork === false,
    max_duration:
      ask.duration_seconds === undefined || ask.duration_seconds <= grant.maxDurationSeconds,
  };
  return (Object.keys(checks) as Field[]).filter((field) => !checks[field]);
}

function acceptsProof({ proof }: Grant, { log, oidc }: Proofs): boolean {
  return { log, oidc, either: log || oidc, both: log && oidc }[proof];
}

function matchesRef(grant: Grant, identity: RunIdentity, ref: KnownRef): boolean {
  if (grant.ref === undefined) return true;
  const candidates = ref === "unknown" ? possibleRefs(identity) : [ref.proved ?? ""];
  return grant.ref.some((pattern) => candidates.some((candidate) => pattern.matches(candidate)));
}

type Judged = readonly { grant: Grant; fields: readonly Field[] }[];

function denial(judged: Judged, identity: RunIdentity, ask: Ask, ref: KnownRef): Refusal {
  if (identity.fork && !judged.some(({ grant }) => grant.forks)) {
    return new Refusal("fork", {
      fields: ["forks"],
      detail: "No grant gives this role to runs from forks.",
    });
  }
  const [closest] = judged
    .map(({ grant, fields }) => ({ grant, fields: known(fields, identity) }))
    .toSorted((a, b) => a.fields.length - b.fields.length);
  return new Refusal("no_grant", {
    fields: closest?.fields ?? [],
    detail: closest && ask.proofs.oidc ? told(closest, identity, ask, ref) : undescribed,
    ...(closest && { note: `closest grant: ${closest.grant.name}` }),
  });
}

/** Beside other fields, what a token does not tell and was not looked up is nothing that differs. */
function known(fields: readonly Field[], identity: RunIdentity): readonly Field[] {
  const left = fields.filter((field) => !isUntold(field, identity));
  return left.length > 0 ? left : fields;
}

/** What a token leaves open, and GitHub can tell. */
export function isUntold(field: Field, { job, fork }: RunIdentity): boolean {
  return (field === "job" && job.name === null) || (field === "forks" && fork === null);
}

const undescribed = "The run is not one that a grant for this repository and role describes.";

/** A verified token says who is asking: the run may know what it lacks. */
function told(
  { grant, fields }: Judged[number],
  identity: RunIdentity,
  ask: Ask,
  ref: KnownRef,
): string {
  const lacks = fields.map((field) => sentence(compareField(field, grant, identity, ask, ref)));
  return `The grant ${grant.name} does not fit. ${lacks.join("; ")}.`;
}

/** What a grant leads to, as text: everything that reaches STS or the proof. */
function outcome({
  step,
  proof,
  maxDurationSeconds,
  maxAgeSeconds,
  externalId,
  tags,
  transitiveTags,
  sessionPolicy,
}: Grant): string {
  return JSON.stringify([
    step,
    proof,
    maxDurationSeconds,
    maxAgeSeconds,
    externalId,
    tags,
    transitiveTags,
    sessionPolicy,
  ]);
}
