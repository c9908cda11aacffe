import { auditRecord, type Decided } from "../core/audit.ts";
import { Refusal } from "../core/errors.ts";
import type { AssumeRolePlan } from "../core/issue.ts";
import type { AuditLog } from "./audit-log.ts";
import type { RoleCredentials, RoleIssuer } from "./aws.ts";

/** The effects, in the one order in which they may happen: intent, AWS, seal, record. */
export class Issuing {
  readonly #aws: RoleIssuer;
  readonly #audit: AuditLog;

  constructor({ aws, audit }: { aws: RoleIssuer; audit: AuditLog }) {
    this.#aws = aws;
    this.#audit = audit;
  }

  /**
   * @param seal makes the answer; nothing of it leaves before the record is on disk
   * @throws {Refusal} aws_denied, aws_unavailable, audit_unavailable
   */
  async issue<T>(
    plan: AssumeRolePlan,
    decided: Decided,
    seal: (credentials: RoleCredentials) => Promise<T>,
  ): Promise<T> {
    decided.plan = plan;
    await this.#audit.intend(decided.requestId, {
      time: new Date(decided.time).toISOString(),
      grant: decided.grant,
      role: plan.roleArn,
      session_name: plan.sessionName,
    });
    const credentials = await this.#aws.assumeRole(plan);
    const sealed = await seal(credentials);
    const { accessKeyId, expiration } = credentials;
    await this.#audit.record(
      decided.requestId,
      auditRecord(decided, { decision: "allowed", accessKeyId, expiration }),
    );
    return sealed;
  }

  /** @returns what to answer: the refusal, or audit_unavailable if it could not be recorded. */
  async deny(decided: Decided, error: unknown): Promise<unknown> {
    // Turned away at the door, before anything was decided: a flood must not fill the audit.
    if (error instanceof Refusal && error.code === "rate_limited") return error;
    const { code, fields, note } = error instanceof Refusal ? error : new Refusal("internal_error");
    try {
      const record = auditRecord(decided, { decision: "denied", code, fields, note });
      await this.#audit.record(decided.requestId, record);
      return error;
    } catch (unwritten) {
      return unwritten;
    }
  }
}
