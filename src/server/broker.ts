import type { Announcement } from "../core/announcement.ts";
import { type Asked, auditRecord, type Decided } from "../core/audit.ts";
import {
  type ChallengeBinding,
  challengeLifetimeMs,
  checkTicket,
  makeChallenge,
  type Signer,
} from "../core/challenge.ts";
import { Refusal } from "../core/errors.ts";
import type { Grant } from "../core/grant.ts";
import { type AssumeRolePlan, planIssue } from "../core/issue.ts";
import { grantsFor, type Policy } from "../core/policy.ts";
import {
  type CredentialRequest,
  parseChallengeRequest,
  parseCredentialRequest,
} from "../core/request.ts";
import { seal } from "../core/seal.ts";
import type { AuditLog } from "./audit-log.ts";
import { awaitProof } from "./await-proof.ts";
import type { RoleCredentials, RoleIssuer } from "./aws.ts";
import { type Case, examine, examineFairly } from "./examine.ts";
import type { GitHubFacts, JobLog } from "./github/ports.ts";
import type { LookAhead } from "./look-ahead.ts";
import { NativeRecipient } from "./native-recipient.ts";
import { OncePerChallenge } from "./once.ts";

export interface Clock {
  /** Milliseconds since 1970. */
  wall: () => number;
  /** Milliseconds that never run backwards. */
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
  signer: Signer;
  github: GitHubFacts;
  log: JobLog;
  aws: RoleIssuer;
  audit: AuditLog;
  clock: Clock;
  nonce: () => string;
  lookAhead: LookAhead;
  /** How long one request may wait for its announcement, in milliseconds. */
  patience: number;
}

/** Who a request is, as far as the wire tells. */
export interface Caller {
  requestId: string;
  address: string;
  /** Called once the request is well formed, before anything is asked of anyone. @throws {Refusal} rate_limited */
  admit?: (asked: Asked) => Promise<void>;
}

export interface ChallengeAnswer {
  challenge: string;
  ticket: string;
  expires_at: string;
}

export interface CredentialAnswer {
  credentials: string;
  expiration: string;
  grant: string;
  request_id: string;
}

/** Run and job may be this old when AWS is asked, in milliseconds. */
const freshForMs = 2_000;
/** Answers may be shared for a little less, so that they are still fresh when the proof is read. */
const sharedForMs = 1_500;

/** The broker: request → identity → policy → proof → issue → audit → seal. */
export class Broker {
  readonly #parts: BrokerParts;
  readonly #once: OncePerChallenge<CredentialAnswer>;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    this.#once = new OncePerChallenge({ ttlMs: 2 * challengeLifetimeMs });
  }

  /** @throws {Refusal} */
  async challenge(body: string, caller: Caller): Promise<ChallengeAnswer> {
    const { signer, clock, nonce, lookAhead, rules } = this.#parts;
    const request = parseChallengeRequest(body);
    await caller.admit?.(request);
    lookAhead.begin(request, rules().policy);
    const { challenge, ticket, expiresAt } = makeChallenge(
      signer,
      this.#binding(request),
      clock.wall(),
      nonce(),
    );
    return {
      challenge,
      ticket: await seal(new NativeRecipient(request.public_key), ticket),
      expires_at: new Date(expiresAt).toISOString(),
    };
  }

  /** @throws {Refusal} after its record is written */
  async credentials(body: string, caller: Caller): Promise<CredentialAnswer> {
    const { clock, rules } = this.#parts;
    const decided: Decided = {
      requestId: caller.requestId,
      time: clock.wall(),
      clientAddress: caller.address,
      policy: rules().hash,
    };
    try {
      const ask = parseCredentialRequest(body);
      decided.asked = askedOf(ask);
      await caller.admit?.(decided.asked);
      return await this.#answer(ask, decided);
    } catch (error) {
      throw await this.#denied(decided, error);
    }
  }

  #answer(ask: CredentialRequest, decided: Decided): Promise<CredentialAnswer> {
    const { signer, clock, rules } = this.#parts;
    const arrivedAt = clock.steady();
    const grants = grantsFor(rules().policy, ask);
    const challenge = checkTicket(signer, this.#binding(ask), ask.ticket, clock.wall());
    return this.#once.run(challenge, JSON.stringify(ask), async () => {
      const announcement = { publicKey: ask.public_key, challenge };
      const proven = await this.#prove(ask, grants, announcement, arrivedAt, decided);
      const plan = planIssue(proven.grant, proven.identity, ask, proven.facts);
      const credentials = await this.#issue(plan, decided);
      // The record comes before the seal's answer leaves, and a seal that failed would leave nothing.
      const sealed = await this.#seal(ask, credentials);
      await this.#allowed(decided, credentials);
      return {
        credentials: sealed,
        expiration: credentials.expiration,
        grant: proven.grant.name,
        request_id: decided.requestId,
      };
    });
  }

  /** Identity, grant and proof; returns when all three hold, on answers no older than two seconds. */
  async #prove(
    ask: CredentialRequest,
    grants: readonly Grant[],
    announcement: Announcement,
    arrivedAt: number,
    decided: Decided,
  ): Promise<Case> {
    const { github, log, clock } = this.#parts;
    if (ask.job.id !== undefined) log.prepare(jobAddress(ask, ask.job.id, ""));
    const look = (notBefore: number): Promise<Case> =>
      examineFairly((times) => examine(github, grants, ask, times, decided), {
        notBefore,
        arrivedAt,
      });
    const first = await look(clock.steady() - sharedForMs);
    decided.grant = first.grant.name;
    const { id } = first.identity.job;
    return awaitProof({
      case: first,
      read: () => log.read(jobAddress(ask, id, first.identity.headSha), first.grant.step),
      refresh: () => look(clock.steady() - sharedForMs / 3),
      announcement,
      clock,
      freshForMs,
      deadline: arrivedAt + this.#parts.patience,
    });
  }

  async #issue(plan: AssumeRolePlan, decided: Decided): Promise<RoleCredentials> {
    decided.plan = plan;
    await this.#parts.audit.intend(decided.requestId, {
      time: new Date(decided.time).toISOString(),
      grant: decided.grant,
      role: plan.roleArn,
      session_name: plan.sessionName,
    });
    return this.#parts.aws.assumeRole(plan);
  }

  #seal(ask: CredentialRequest, credentials: RoleCredentials): Promise<string> {
    const content = {
      AccessKeyId: credentials.accessKeyId,
      SecretAccessKey: credentials.secretAccessKey.reveal(),
      SessionToken: credentials.sessionToken.reveal(),
      Expiration: credentials.expiration,
    };
    return seal(new NativeRecipient(ask.public_key), JSON.stringify(content));
  }

  #allowed(decided: Decided, { accessKeyId, expiration }: RoleCredentials): Promise<void> {
    const record = auditRecord(decided, { decision: "allowed", accessKeyId, expiration });
    return this.#parts.audit.record(decided.requestId, record);
  }

  /** @returns what to answer: the refusal, or audit_unavailable if it could not be recorded. */
  async #denied(decided: Decided, error: unknown): Promise<unknown> {
    // Turned away at the door, before anything was decided: a flood must not fill the audit.
    if (error instanceof Refusal && error.code === "rate_limited") return error;
    const { code, fields, note } = error instanceof Refusal ? error : new Refusal("internal_error");
    try {
      await this.#parts.audit.record(
        decided.requestId,
        auditRecord(decided, { decision: "denied", code, fields, note }),
      );
      return error;
    } catch (unwritten) {
      return unwritten;
    }
  }

  #binding(ask: {
    repository: string;
    run_id: number;
    run_attempt: number;
    public_key: string;
  }): ChallengeBinding {
    return {
      serverUrl: this.#parts.serverUrl,
      repository: ask.repository,
      runId: ask.run_id,
      runAttempt: ask.run_attempt,
      publicKey: ask.public_key,
    };
  }
}

function askedOf({ repository, run_id, run_attempt, role, public_key }: CredentialRequest): Asked {
  return { repository, run_id, run_attempt, role, public_key };
}

function jobAddress(
  ask: CredentialRequest,
  jobId: number,
  headSha: string,
): Parameters<JobLog["read"]>[0] {
  return {
    repository: ask.repository,
    runId: ask.run_id,
    runAttempt: ask.run_attempt,
    jobId,
    headSha,
  };
}
