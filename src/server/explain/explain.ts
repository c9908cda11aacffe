import { type Code, Refusal } from "../../core/errors.ts";
import { compareField, type Comparison } from "../../core/explain.ts";
import { parseJob, parseRun } from "../../core/github-answers.ts";
import type { Grant } from "../../core/grant.ts";
import { identityFrom, type RunIdentity, selectJob } from "../../core/identity.ts";
import { type AssumeRolePlan, planIssue } from "../../core/issue.ts";
import {
  assertProofWanted,
  type Field,
  grantsFor,
  type KnownRef,
  mismatches,
  namesRepository,
  type Policy,
} from "../../core/policy.ts";
import type { StepLog } from "../../core/proof.ts";
import type { Clock } from "../broker-parts.ts";
import { addressOf, examine, type Findings, type Inquiry } from "../examine.ts";
import type { GitHubFacts, JobLog } from "../github/ports.ts";
import { proveByLog } from "../prove-by-log.ts";
import { announcedIn, type StepView, viewStep } from "./announcements.ts";

/** A decision with all that led to it; what was not reached is null. */
export interface Explanation {
  asked: { repository: string; run_id: number; run_attempt: number; role: string; step?: string };
  identity: RunIdentity | null;
  ref: string | null;
  grants: readonly GrantView[];
  /** Of the steps that the grant names; without one, of those that the grants in question name. */
  steps: readonly StepView[];
  plan: AssumeRolePlan | null;
  verdict: Verdict;
}

/** What the broker would answer to a job that has announced a key as the log shows it, by a genuine ticket. */
export interface Verdict {
  allowed: boolean;
  code: Code | "ok";
  detail: string;
  fields: readonly string[];
  grant: string | null;
  note: string | null;
}

export interface GrantView {
  name: string;
  /** Whether it is for this repository and role at all. */
  in_question: boolean;
  fields: readonly FieldView[];
}

export interface FieldView extends Omit<Comparison, "field"> {
  field: Field | "role";
  fits: boolean;
}

export interface Question {
  github: GitHubFacts;
  log: JobLog;
  policy: Policy;
  inquiry: Inquiry;
  clock: Clock;
}

/** Decides as the broker does, by the same functions in the same order, but asks AWS for nothing. */
export async function explain(question: Question): Promise<Explanation> {
  const findings: Findings & { grant?: string } = {};
  const reached: Reached = { steps: [], plan: null };
  const verdict = await decide(question, findings, reached).catch(refused);
  const identity = findings.identity ?? (await identityAnyway(question));
  const ref: KnownRef = findings.ref === undefined ? "unknown" : { proved: findings.ref };
  const { repository, run_id, run_attempt, role, step } = question.inquiry;
  return {
    asked: { repository, run_id, run_attempt, role, ...(step !== undefined && { step }) },
    identity,
    ref: findings.ref ?? null,
    grants: identity
      ? question.policy.grants.map((grant) => viewGrant(grant, question, identity, ref))
      : [],
    steps: (await stepsIn(question, findings, identity, reached)).map(viewStep),
    plan: reached.plan,
    verdict: { ...verdict, grant: findings.grant ?? null },
  };
}

/** How far it went. */
interface Reached {
  steps: readonly StepLog[];
  plan: AssumeRolePlan | null;
}

/** @throws {Refusal} */
async function decide(
  { github, log, policy, inquiry, clock }: Question,
  findings: Findings & { grant?: string },
  reached: Reached,
): Promise<Verdict> {
  const grants = grantsFor(policy, inquiry);
  assertProofWanted(grants, inquiry.proofs);
  // Which announcement is meant: in a job it is the asker's own, here it is the one in the log.
  const now = clock.steady();
  const { grant, identity } = await examine(
    github,
    grants,
    inquiry,
    { notBefore: now, arrivedAt: now },
    findings,
  );
  const address = {
    ...addressOf(inquiry),
    jobId: identity.job.id,
    headSha: identity.headSha,
  };
  reached.steps = await log.read(address, grant.step);
  const announcement = announcedIn(reached.steps);
  const prover = { github, log, clock, patience: 0 };
  const { case: proven } = await proveByLog(prover, grants, inquiry, announcement, findings);
  reached.plan = planIssue(proven.grant, proven.identity, inquiry, proven.facts);
  return {
    allowed: true,
    code: "ok",
    detail: "The role would be assumed.",
    fields: [],
    grant: null,
    note: null,
  };
}

function refused(error: unknown): Verdict {
  if (!(error instanceof Refusal)) throw error;
  const { code, message: detail, fields, note } = error;
  return { allowed: false, code, detail, fields, grant: null, note: note ?? null };
}

/** Who would have asked, of a run that the broker turned away before it came to the grants. */
async function identityAnyway({ github, inquiry, clock }: Question): Promise<RunIdentity | null> {
  try {
    const address = addressOf(inquiry);
    const now = clock.steady();
    const [run, jobs] = await Promise.all([github.run(address, now), github.jobs(address, now)]);
    return identityFrom(parseRun(run.value), selectJob(jobs.value.map(parseJob), inquiry.job));
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/** The steps that were judged; if it did not come to that, those that could have been. */
async function stepsIn(
  { log, policy, inquiry }: Question,
  findings: { grant?: string },
  identity: RunIdentity | null,
  reached: Reached,
): Promise<readonly StepLog[]> {
  if (findings.grant !== undefined || identity === null) return reached.steps;
  const inQuestion = policy.grants.filter((grant) => isInQuestion(grant, inquiry));
  const names = new Set(inQuestion.flatMap(({ step }) => step));
  const address = {
    ...addressOf(inquiry),
    jobId: identity.job.id,
    headSha: identity.headSha,
  };
  return log.read(address, [...names]);
}

/** All fields of a grant that are compared; the compiler asks for new ones. */
const compared: Record<Field, true> = {
  repository: true,
  repository_id: true,
  workflow: true,
  ref: true,
  event: true,
  job: true,
  step: true,
  reusable_workflow: true,
  actor: true,
  environment: true,
  proof: true,
  forks: true,
  max_duration: true,
};

function viewGrant(
  grant: Grant,
  { inquiry }: Question,
  identity: RunIdentity,
  ref: KnownRef,
): GrantView {
  const wrong = new Set(mismatches(grant, identity, inquiry, ref));
  const role: FieldView = {
    field: "role",
    wanted: grant.role.map(({ source }) => source).join(" or "),
    actual: inquiry.role,
    fits: givesRole(grant, inquiry.role),
  };
  const fields = (Object.keys(compared) as Field[]).map((field) => ({
    ...compareField(field, grant, identity, inquiry, ref),
    fits: !wrong.has(field),
  }));
  return { name: grant.name, in_question: isInQuestion(grant, inquiry), fields: [role, ...fields] };
}

/** Whether it is for the repository and the role; see grantsFor. */
function isInQuestion(grant: Grant, { repository, role }: Inquiry): boolean {
  return namesRepository({ grants: [grant] }, repository) && givesRole(grant, role);
}

function givesRole(grant: Grant, role: string): boolean {
  return grant.role.some((pattern) => pattern.matches(role));
}
