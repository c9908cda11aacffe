/**
 * Every way a request can be turned away: one union of codes, each with its HTTP status and title.
 * Callers get the code; the audit gets the details; secrets can get into neither.
 * Source: the HTTP section of the contract, RFC 9457.
 */
const table = {
  invalid_request: [400, "The request is not well formed"],
  not_in_progress: [403, "The run or job is not in progress"],
  fork: [403, "The run comes from a fork"],
  ref_ambiguous: [403, "A branch and a tag share this name"],
  no_grant: [403, "No grant allows this run"],
  job_not_found: [404, "The run or job was not found"],
  job_ambiguous: [409, "More than one job fits"],
  proof_pending: [409, "The announcement has not been seen yet"],
  proof_ambiguous: [403, "More than one key is announced"],
  proof_invalid: [403, "The log does not prove this key"],
  challenge_invalid: [403, "The challenge is not for this request"],
  challenge_expired: [403, "The challenge has expired"],
  oidc_invalid: [401, "The OIDC token is not accepted"],
  role_not_granted: [403, "No grant gives this role"],
  renewal_invalid: [403, "The renewal is not accepted"],
  too_large: [413, "The request is too large"],
  rate_limited: [429, "Too many requests"],
  github_unavailable: [503, "GitHub gave no usable answer"],
  github_session_expired: [503, "The broker's GitHub session has ended"],
  github_rate_limited: [503, "GitHub's rate limit is used up"],
  aws_denied: [502, "AWS refused the role"],
  aws_unavailable: [503, "AWS gave no usable answer"],
  audit_unavailable: [503, "The audit record cannot be written"],
  store_unavailable: [503, "The broker's store gave no answer"],
  not_found: [404, "There is nothing here"],
  method_not_allowed: [405, "This method is not for this address"],
  unsupported_media_type: [415, "The body must be application/json"],
  internal_error: [500, "The broker failed"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type Code = keyof typeof table;

export const codes = Object.keys(table) as Code[];

export function statusOf(code: Code): number {
  return table[code][0];
}

export function titleOf(code: Code): string {
  return table[code][1];
}

export interface RefusalOptions {
  /** One sentence for the caller: never a name, id or text that came from upstream. */
  detail?: string;
  /** Names of the grant fields that did not match; never their values. */
  fields?: readonly string[];
  /** Seconds after which asking again may help. */
  retryAfter?: number;
  /** For the broker's own log: may hold names and statuses, never a secret. */
  note?: string;
  cause?: unknown;
}

/** Thrown by any step of a decision to turn the request away with a code of the table. */
export class Refusal extends Error {
  readonly code: Code;
  readonly detail: string | undefined;
  readonly fields: readonly string[];
  readonly retryAfter: number | undefined;
  readonly note: string | undefined;

  constructor(code: Code, options: RefusalOptions = {}) {
    super(options.detail ?? titleOf(code), { cause: options.cause });
    this.name = "Refusal";
    this.code = code;
    this.detail = options.detail;
    this.fields = options.fields ?? [];
    this.retryAfter = options.retryAfter;
    this.note = options.note;
  }

  get status(): number {
    return statusOf(this.code);
  }
}
