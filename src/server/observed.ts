import { Refusal } from "../core/errors.ts";
import type { AssumeRolePlan } from "../core/issue.ts";
import type { AuditLog } from "./audit-log.ts";
import type { RoleCredentials, RoleIssuer } from "./aws.ts";
import type { Config } from "./config.ts";
import type { Service, Telemetry } from "./telemetry.ts";

// What watches the broker stands beside it: the broker itself knows nothing of metrics and pages.

export type AuditRecord = Readonly<Record<string, unknown>>;

interface Observer {
  telemetry: Telemetry;
  /** Told of each decision once it is final. */
  onDecision: (record: AuditRecord) => void;
  /** Monotonic milliseconds. */
  now: () => number;
}

/** A failure counts so long: an instance that gets no requests because of it could never clear itself. */
const failureCountsForMs = 60_000;

/** Tells of each decision, and how long its record took to get on disk. */
export class ObservedAuditLog implements AuditLog {
  readonly #inner: AuditLog;
  readonly #observer: Observer;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(inner: AuditLog, observer: Observer) {
    this.#inner = inner;
    this.#observer = observer;
  }

  get writable(): boolean {
    return this.#observer.now() - this.#failedAt >= failureCountsForMs;
  }

  intend(requestId: string, intent: Record<string, unknown>): Promise<void> {
    return this.#watch(() => this.#inner.intend(requestId, intent));
  }

  async record(requestId: string, record: Record<string, unknown>): Promise<void> {
    try {
      await this.#watch(() => this.#inner.record(requestId, record));
    } catch (error) {
      // What should have been allowed is denied next, with a record of its own.
      if (record.decision !== "allowed") this.#tell({ ...record, code: "audit_unavailable" });
      throw error;
    }
    this.#tell(record);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #tell(record: AuditRecord): void {
    const { telemetry, onDecision } = this.#observer;
    telemetry.decided(
      String(record.decision),
      String(record.code),
      typeof record.grant === "string" ? record.grant : "",
    );
    onDecision(record);
  }

  async #watch(write: () => Promise<void>): Promise<void> {
    const { telemetry, now } = this.#observer;
    const began = now();
    try {
      await write();
      this.#failedAt = Number.NEGATIVE_INFINITY;
      telemetry.audited(now() - began, true);
    } catch (error) {
      this.#failedAt = now();
      telemetry.audited(now() - began, false);
      throw error;
    }
  }
}

/** Times AssumeRole. */
export class ObservedIssuer implements RoleIssuer {
  readonly #inner: RoleIssuer;
  readonly #observer: Pick<Observer, "telemetry" | "now">;

  constructor(inner: RoleIssuer, observer: Pick<Observer, "telemetry" | "now">) {
    this.#inner = inner;
    this.#observer = observer;
  }

  async assumeRole(plan: AssumeRolePlan): Promise<RoleCredentials> {
    const { telemetry, now } = this.#observer;
    const began = now();
    try {
      const credentials = await this.#inner.assumeRole(plan);
      telemetry.called("sts", "2xx", now() - began);
      return credentials;
    } catch (error) {
      const denied = error instanceof Refusal && error.code === "aws_denied";
      telemetry.called("sts", denied ? "4xx" : "error", now() - began);
      throw error;
    }
  }
}

/** Which service an address belongs to. What is none of the configured ones is storage, to which GitHub sends us. */
export function serviceOf(url: string, github: Config["github"]): Service {
  const under = (base: string): boolean => url.startsWith(`${base}/`);
  // An Enterprise Server has all of them on one host.
  if (under(github.oidcIssuer)) return "oidc";
  if (under(github.apiUrl)) return "api";
  return under(github.serverUrl) ? "web" : "storage";
}
