import type { Asked } from "../core/audit.ts";
import type { Policy } from "../core/policy.ts";
import type { Signer } from "../core/signer.ts";
import type { AuditLog } from "./audit-log.ts";
import type { RoleIssuer } from "./aws.ts";
import type { GitHubFacts, JobLog } from "./github/ports.ts";
import type { LookAhead } from "./look-ahead.ts";
import type { TokenVerifier } from "./oidc.ts";
import type { RunLookups } from "./run-lookups.ts";
import type { Store } from "./store.ts";

export interface Clock {
  /** Milliseconds since 1970. */
  wall: () => number;
  /** Milliseconds that never run backwards, and do not stand still while the process does. */
  steady: () => number;
}

/** What may be replaced while the broker runs; each request uses one of them from start to end (F-12). */
export interface Rules {
  readonly policy: Policy;
  readonly hash: string;
}

export interface BrokerParts {
  rules: () => Rules;
  serverUrl: string;
  /** What tokens are for, with the key behind it; null when no public_url is configured. */
  publicUrl: string | null;
  signer: Signer;
  github: GitHubFacts;
  log: JobLog;
  tokens: TokenVerifier;
  aws: RoleIssuer;
  audit: AuditLog;
  clock: Clock;
  nonce: () => string;
  lookAhead: LookAhead;
  lookups: RunLookups;
  store: Pick<Store, "claim" | "release">;
  /** How long one request may wait for its announcement, in milliseconds. */
  patience: number;
}

/** Who a request is, as far as the wire tells. */
export interface Caller {
  requestId: string;
  address: string;
  /** Until when AWS must be asked, monotonic milliseconds: later is too late for the answer. */
  decideBy?: number | undefined;
  /** Called once the request is well formed, before anything is asked of anyone. @throws {Refusal} rate_limited */
  admit?: (asked: Asked) => Promise<void>;
  /** Called once the job has proved itself, before AWS is asked. @throws {Refusal} rate_limited */
  admitProved?: (asked: Asked) => Promise<void>;
}

export interface ChallengeAnswer {
  challenge: string;
  ticket: string;
  expires_at: string;
}
