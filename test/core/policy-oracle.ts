/**
 * The contract's words on grants, read naively and written down a second time. It shares no code with
 * the source, so that the two can be compared.
 */
export interface RawGrant {
  name: string;
  repository: string;
  repository_id?: number;
  workflow?: string[];
  ref?: string[];
  event?: string[];
  job?: string[];
  step: string[];
  reusable_workflow?: string[];
  actor?: string[];
  environment?: string[];
  proof?: string;
  forks?: boolean;
  role: string[];
  max_duration?: string;
  external_id?: string;
}

export interface Facts {
  repository: { name: string; id: number };
  fork: boolean;
  workflow: string | null;
  event: string;
  job: string;
  called: string[][];
  actor: string | null;
  environment: string | null;
  ref: string | null;
}

export interface Asked {
  repository: string;
  role: string;
  proofs: { log: boolean; oidc: boolean };
  step?: string;
  duration_seconds?: number;
}

export type Verdict = { allowed: string[] } | { denied: string };

export function verdict(grants: readonly RawGrant[], facts: Facts, asked: Asked): Verdict {
  const named = grants.filter(({ repository }) => like(lower(repository), lower(asked.repository)));
  if (named.length === 0) return { denied: "no_grant" };
  const giving = named.filter(({ role }) => role.some((one) => like(one, asked.role)));
  if (giving.length === 0) return { denied: "role_not_granted" };
  const allowing = giving.filter((grant) => allows(grant, facts, asked));
  if (allowing.length === 0) {
    return { denied: facts.fork && !giving.some(({ forks }) => forks) ? "fork" : "no_grant" };
  }
  // Two grants that allow it must come to the same.
  const outcomes = new Set(allowing.map((grant) => JSON.stringify(outcome(grant))));
  return outcomes.size > 1 ? { denied: "no_grant" } : { allowed: allowing.map(({ name }) => name) };
}

function allows(grant: RawGrant, facts: Facts, asked: Asked): boolean {
  const any = (list: string[] | undefined, value: string | null): boolean =>
    list === undefined || (value !== null && list.some((one) => like(one, value)));
  const events = grant.event ?? ["push", "workflow_dispatch", "schedule"];
  return [
    like(lower(grant.repository), lower(facts.repository.name)),
    grant.repository_id === undefined || grant.repository_id === facts.repository.id,
    any(grant.workflow, facts.workflow),
    any(grant.ref, facts.ref),
    events.includes(facts.event),
    any(grant.job, facts.job),
    asked.step === undefined || grant.step.includes(asked.step),
    facts.called.every((spellings) =>
      spellings.some((one) => (grant.reusable_workflow ?? []).includes(one)),
    ),
    any(grant.actor?.map(lower), facts.actor === null ? null : lower(facts.actor)),
    any(grant.environment, facts.environment),
    proofFits(grant.proof ?? "log", asked.proofs),
    grant.forks === true || !facts.fork,
    (asked.duration_seconds ?? 0) <= seconds(grant.max_duration ?? "1h"),
  ].every(Boolean);
}

function proofFits(wanted: string, { log, oidc }: Asked["proofs"]): boolean {
  if (wanted === "both") return log && oidc;
  if (wanted === "either") return log || oidc;
  return wanted === "log" ? log : oidc;
}

function outcome({ step, proof = "log", max_duration = "1h", external_id }: RawGrant): unknown {
  return [step, proof, seconds(max_duration), external_id ?? "default"];
}

function seconds(text: string): number {
  return Number.parseInt(text, 10) * (text.endsWith("h") ? 3_600 : 60);
}

/** Only A to Z: the names that come here are ASCII. */
function lower(text: string): string {
  return text.toLowerCase();
}

/** `*` stays within a segment, `**` crosses; by trying every split. */
function like(pattern: string, text: string): boolean {
  const [, star = "", rest = ""] = /^(\*+)(.*)$/s.exec(pattern) ?? [];
  if (star === "") {
    if (pattern === "" || text === "") return pattern === text;
    return pattern[0] === text[0] && like(pattern.slice(1), text.slice(1));
  }
  return Array.from({ length: text.length + 1 }, (_, length) => text.slice(0, length))
    .filter((eaten) => star.length > 1 || !eaten.includes("/"))
    .some((eaten) => like(rest, text.slice(eaten.length)));
}
