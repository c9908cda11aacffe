import type { AuditRecord } from "../observed.ts";

/** One thing that had to hold for a decision, in the order in which it was looked at. */
export interface Check {
  readonly name: string;
  readonly state: "passed" | "failed" | "not reached";
  /** Who says what follows: the caller claims, GitHub knows. */
  readonly by: "GitHub says" | "Asked for" | "Session";
  /** Attacker-controlled. */
  readonly says: string | null;
}

interface Step {
  readonly name: string;
  readonly by?: Check["by"];
  readonly says?: string | null;
  /** The codes by which this step turns a request away. */
  readonly codes?: readonly string[];
  /** It is a field of the grant, under the name that it has in the configuration. */
  readonly field?: true;
}

/** An audit record → the checks that led to it: those that passed, what stopped it, and those after. */
export function checksOf(record: AuditRecord): Check[] {
  const all = stepsOf(record);
  const stops = record.decision === "allowed" ? [] : stopsOf(record, all);
  // A field of which nothing is known says nothing.
  const steps = all.filter((step) => !step.field || step.says || stops.includes(step));
  const first = steps.findIndex((step) => stops.includes(step));
  const end =
    first >= 0 ? first : record.decision === "allowed" ? steps.length : reached(record, steps);
  const checks = steps.map((step, index) => {
    if (stops.includes(step)) return check(step, "failed");
    // The fields of a grant are all compared before it is turned down.
    const compared = step.field && steps[first]?.field && record.identity !== undefined;
    return check(step, index < end || compared ? "passed" : "not reached");
  });
  const stopped = record.decision === "allowed" || first >= 0;
  return stopped ? checks : checks.toSpliced(end, 0, check({ name: "decision" }, "failed"));
}

function stepsOf(record: AuditRecord): Step[] {
  const asked = partOf(record, "asked");
  const identity = partOf(record, "identity");
  const proof = text(record.proof) ?? "log";
  const byLog = proof === "log" || proof === "both";
  const byToken = proof === "oidc" || proof === "both";
  const steps: (Step | false)[] = [
    { name: "request", codes: ["invalid_request", "too_large"] },
    proof === "renewal" && { name: "renewal token", codes: ["renewal_invalid"] },
    { name: "repository", field: true, by: "Asked for", says: text(asked.repository) },
    { name: "role", by: "Asked for", says: text(record.role), codes: ["role_not_granted"] },
    byLog && { name: "challenge", codes: ["challenge_invalid", "challenge_expired"] },
    byToken && { name: "OIDC token", codes: ["oidc_invalid"] },
    {
      name: "run and job",
      says: runText(identity),
      codes: ["job_not_found", "job_ambiguous", "github_unavailable", "github_rate_limited"],
    },
    { name: "in progress", codes: ["not_in_progress"] },
    ...fieldSteps(identity, record),
    (byLog || proof === "legacy") && { name: "announcement", codes: announcementCodes },
    { name: "used once", codes: ["store_unavailable"] },
    { name: "audit", codes: ["audit_unavailable"] },
    {
      name: "AWS",
      by: "Session",
      says: text(record.session_name),
      codes: ["aws_denied", "aws_unavailable"],
    },
  ];
  return steps.filter((step) => step !== false);
}

const announcementCodes = [
  "proof_pending",
  "proof_ambiguous",
  "proof_invalid",
  "github_session_expired",
];

function fieldSteps(identity: AuditRecord, record: AuditRecord): Step[] {
  const called = Array.isArray(identity.called_workflows) ? identity.called_workflows : [];
  const duration = text(record.duration_seconds);
  const field = (name: string, says: string | null, more: Partial<Step> = {}): Step => ({
    name,
    field: true,
    says,
    ...more,
  });
  return [
    field("repository_id", text(identity.repository_id)),
    field("workflow", text(identity.workflow)),
    field("ref", refText(identity), { codes: ["ref_ambiguous"] }),
    field("event", text(identity.event)),
    field("job", text(identity.job)),
    field("step", null),
    field("reusable_workflow", called.length > 0 ? called.map(String).join(", ") : null),
    field("actor", text(identity.triggering_actor)),
    field("environment", text(identity.environment)),
    field("proof", record.identity === undefined ? null : text(record.proof), { by: "Asked for" }),
    field("forks", forkText(identity), { codes: ["fork"] }),
    field("max_duration", duration && `${duration} s`, { by: "Asked for" }),
  ];
}

function stopsOf(record: AuditRecord, steps: readonly Step[]): Step[] {
  const code = text(record.code) ?? "";
  const fields: unknown[] = Array.isArray(record.fields) ? record.fields : [];
  if (code === "no_grant") return steps.filter(({ name, field }) => field && fields.includes(name));
  // With a grant found, what GitHub still had to give was the log.
  const late = code.startsWith("github_") && record.grant !== undefined;
  const log = late ? steps.find(({ name }) => name === "announcement") : undefined;
  const step = log ?? steps.find(({ codes }) => codes?.includes(code));
  return step ? [step] : [];
}

/** How far a decision got whose code belongs to no step: grants in conflict, or a fault of the broker's. */
function reached(record: AuditRecord, steps: readonly Step[]): number {
  const after = (holds: (step: Step) => boolean | undefined): number =>
    steps.findLastIndex(holds) + 1;
  if (record.session_name !== undefined) return after(({ name }) => name === "audit");
  if (record.identity !== undefined) return after(({ field }) => field);
  return record.asked === undefined ? 0 : 1;
}

function check({ name, by = "GitHub says", says = null }: Step, state: Check["state"]): Check {
  return { name, state, by, says: state === "not reached" ? null : says };
}

function partOf(record: AuditRecord, key: string): AuditRecord {
  const part = record[key];
  return typeof part === "object" && part !== null ? (part as AuditRecord) : {};
}

function runText({ run_id: run, run_attempt: attempt, job_id: job }: AuditRecord): string | null {
  const named = { run, attempt, job };
  const known = Object.entries(named).flatMap(([name, value]) => {
    const number = text(value);
    return number === null ? [] : [`${name} ${number}`];
  });
  return known.length > 0 ? known.join(", ") : null;
}

/** A branch's name alone proves no ref. */
function refText({ ref, head_branch: branch }: AuditRecord): string | null {
  const name = text(branch);
  return text(ref) ?? (name === null ? null : `${name} (not proved)`);
}

function forkText({ fork }: AuditRecord): string | null {
  if (fork === undefined) return null;
  return fork === true ? "a fork" : "not a fork";
}

function text(value: unknown): string | null {
  return typeof value === "string" || typeof value === "number" ? String(value) : null;
}
