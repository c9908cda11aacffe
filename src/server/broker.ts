import type { Decided } from "../core/audit.ts";
import { type ChallengeBinding, checkTicket, makeChallenge } from "../core/challenge.ts";
import { Refusal } from "../core/errors.ts";
import type { Grant } from "../core/grant.ts";
import { planIssue } from "../core/issue.ts";
import { assertOf, type Claims, oidcInvalid } from "../core/oidc-claims.ts";
import { assertProofWanted, grantsFor } from "../core/policy.ts";
import { parseLegacyRequest } from "../core/legacy.ts";
import { checkRenewalToken, parseRenewalRequest, type Renewal } from "../core/renewal.ts";
import {
  type CredentialRequest,
  parseChallengeRequest,
  parseCredentialRequest,
  withoutToken,
} from "../core/request.ts";
import { seal } from "../core/seal.ts";
import { assertSameGrant } from "./await-proof.ts";
import type { BrokerParts, Caller, ChallengeAnswer, Rules } from "./broker-parts.ts";
import { type Case, examine, freshForMs, type Inquiry } from "./examine.ts";
import { inTime } from "./in-time.ts";
import { Issuing } from "./issuing.ts";
import { NativeRecipient } from "./native-recipient.ts";
import { SingleUse } from "./once.ts";
import { legacyGrants, proveLegacy, sealLegacy } from "./legacy.ts";
import { type Guard, type LogProver, proveByLog } from "./prove-by-log.ts";
import { proveByToken } from "./prove-by-token.ts";
import { type CredentialAnswer, sealAnswer } from "./sealed-answer.ts";
import { type Standing, standingOf } from "./standing.ts";
import { useOfChallenge, useOfRenewal, useOfToken, useOfAnnouncement } from "./uses.ts";

/** A proven case, and what renewals of it will rest on. */
interface Proven {
  case: Case;
  inquiry: Inquiry;
  /** Of what a token says nothing is asked of GitHub, so that nothing of it grows old. */
  byToken?: true;
}

/** The broker: request → identity → policy → proof → issue → audit → seal. */
export class Broker {
  readonly #parts: BrokerParts;
  readonly #issuing: Issuing;
  readonly #once: SingleUse<CredentialAnswer>;
  readonly #onceLegacy: SingleUse<Uint8Array>;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    this.#issuing = new Issuing(parts);
    this.#once = new SingleUse(parts.store);
    this.#onceLegacy = new SingleUse(parts.store);
  }

  /** What a request shows of itself before anybody is asked; see Limits. */
  standing(body: string): Standing | null {
    const { signer, serverUrl, clock, rules } = this.#parts;
    return standingOf(body, { policy: rules().policy, signer, serverUrl, now: clock.wall() });
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
  credentials(body: string, caller: Caller): Promise<CredentialAnswer> {
    return this.#deciding(caller, async (decided, { policy }) => {
      const request = parseCredentialRequest(body);
      // Without a public_url no token can be for this broker: one beside a ticket is left alone.
      const takesNone = this.#parts.publicUrl === null && request.proofs.log;
      const ask = takesNone ? withoutToken(request) : request;
      const { repository, run_id, run_attempt, role, public_key } = ask;
      decided.asked = { repository, run_id, run_attempt, role, public_key };
      decided.proof = proofOf(ask);
      await caller.admit?.(decided.asked);
      const grants = grantsFor(policy, ask);
      assertProofWanted(grants, ask.proofs);
      const challenge = ask.ticket === undefined ? null : this.#challengeOf(ask, ask.ticket);
      const token =
        ask.oidc_token === undefined
          ? null
          : await this.#inTime(caller, decided, this.#tokenOf(ask, ask.oidc_token));
      // The token itself is not kept: its id names it.
      const fingerprint = JSON.stringify({ ...ask, oidc_token: token?.jti });
      const use =
        challenge !== null && readsLog(grants, token)
          ? useOfChallenge(challenge, fingerprint)
          : useOfToken(token, fingerprint);
      return this.#once.run(use, async (claim) => {
        const proving = this.#prove(ask, grants, challenge, token, decided);
        const proven = await this.#inTime(caller, decided, proving);
        await this.#inTime(caller, decided, Promise.resolve(caller.admitProved?.(ask)));
        await claim();
        const fresh = proven.byToken
          ? proven
          : await this.#inTime(caller, decided, this.#fresh(proven, grants, decided));
        return this.#issue(fresh, ask.public_key, this.#parts.clock.wall(), decided);
      });
    });
  }

  /**
   * The same role and key once more, while GitHub says that the job is still in progress, by the
   * grants as they are now (R-01 … R-09).
   *
   * @throws {Refusal} after its record is written
   */
  renewal(body: string, caller: Caller): Promise<CredentialAnswer> {
    return this.#deciding(caller, async (decided, { policy }) => {
      decided.proof = "renewal";
      const { renewal_token: token } = parseRenewalRequest(body);
      const renewal = checkRenewalToken(this.#parts.signer, this.#parts.serverUrl, token);
      const inquiry = inquiryOf(renewal);
      const { repository, run_id, run_attempt, role } = inquiry;
      decided.asked = { repository, run_id, run_attempt, role, public_key: renewal.publicKey };
      await caller.admit?.(decided.asked);
      const grants = grantsFor(policy, inquiry);
      return this.#once.run(useOfRenewal(token), async () => {
        const arrivedAt = this.#parts.clock.steady();
        const times = { notBefore: arrivedAt, arrivedAt };
        const examining = examine(this.#parts.github, grants, inquiry, times, decided);
        const current = await this.#inTime(caller, decided, examining);
        decided.grant = current.grant.name;
        this.#assertNotTooOld(current.grant, renewal);
        await this.#inTime(caller, decided, Promise.resolve(caller.admitProved?.(inquiry)));
        const refreshing = this.#fresh({ case: current, inquiry }, grants, decided);
        const fresh = await this.#inTime(caller, decided, refreshing);
        return this.#issue(fresh, renewal.publicKey, renewal.since, decided);
      });
    });
  }

  /**
   * The original's request and answer: a binary age file. The run's current attempt is meant.
   *
   * @throws {Refusal} after its record is written
   */
  legacy(body: string, caller: Caller): Promise<Uint8Array> {
    return this.#deciding(caller, async (decided, { policy }) => {
      decided.proof = "legacy";
      const ask = parseLegacyRequest(body);
      decided.asked = { repository: ask.Repo, run_id: ask.RunId, role: ask.RoleARN };
      await caller.admit?.(decided.asked);
      const grants = legacyGrants(grantsFor(policy, { repository: ask.Repo, role: ask.RoleARN }));
      const proving = proveLegacy(this.#prover(decided), grants, ask, decided);
      const { publicKey, ...proven } = await this.#inTime(caller, decided, proving);
      await this.#inTime(caller, decided, Promise.resolve(caller.admitProved?.(decided.asked)));
      const refreshing = this.#fresh(proven, grants, decided);
      const fresh = await this.#inTime(caller, decided, refreshing);
      const { grant, identity, facts } = fresh.case;
      const plan = planIssue(grant, identity, { role: ask.RoleARN }, facts);
      return this.#onceLegacy.run(useOfAnnouncement(plan, publicKey), () =>
        this.#issuing.issue(plan, decided, (credentials) => sealLegacy(credentials, publicKey)),
      );
    });
  }

  /** Opens a decision; whatever turns it away is recorded before the caller hears of it. */
  async #deciding<T>(
    caller: Caller,
    work: (decided: Decided, rules: Rules) => Promise<T>,
  ): Promise<T> {
    const rules = this.#parts.rules();
    const decided: Decided = {
      requestId: caller.requestId,
      time: this.#parts.clock.wall(),
      clientAddress: caller.address,
      policy: rules.hash,
    };
    try {
      return await work(decided, rules);
    } catch (error) {
      throw await this.#issuing.deny(decided, error);
    }
  }

  /** All that is waited for before AWS is asked; from then on nothing is cut off. @throws {Refusal} */
  #inTime<T>({ decideBy }: Caller, decided: Decided, work: Promise<T>): Promise<T> {
    return inTime(work, decideBy, this.#parts.clock.steady, () => tooLate(decided));
  }

  #challengeOf(ask: CredentialRequest, ticket: string): string {
    const { signer, clock } = this.#parts;
    return checkTicket(signer, this.#binding(ask), ticket, clock.wall());
  }

  async #tokenOf(ask: CredentialRequest, text: string): Promise<Claims> {
    const { publicUrl, tokens } = this.#parts;
    if (publicUrl === null) {
      throw new Refusal("no_grant", {
        fields: ["proof"],
        detail: "This broker takes no tokens, since it has no public_url: use the log proof.",
      });
    }
    const token = await tokens.verify(text, `${publicUrl}#${ask.public_key}`);
    assertOf(token, ask);
    return token;
  }

  async #prove(
    ask: CredentialRequest,
    grants: readonly Grant[],
    challenge: string | null,
    token: Claims | null,
    decided: Decided,
  ): Promise<Proven> {
    const inquiry: Inquiry = {
      ...ask,
      // A token says which job it is; what the caller says only chooses.
      job: token ? { id: token.check_run_id } : ask.job,
      environment: token?.environment ?? null,
    };
    if (challenge !== null && readsLog(grants, token)) {
      const announcement = { publicKey: ask.public_key, challenge };
      const prover = this.#prover(decided);
      const proven = await proveByLog(prover, grants, inquiry, announcement, decided);
      assertSameRepository(token, proven.case);
      // Renewals rest on the step that announced, whether the request has named one or not.
      return { case: proven.case, inquiry: { ...inquiry, step: proven.step } };
    }
    if (token === null) throw new Refusal("invalid_request", { detail: "A proof is missing." });
    decided.proof = "oidc";
    const byToken: Inquiry = { ...inquiry, proofs: { log: false, oidc: true } };
    const proven = await proveByToken(this.#parts, grants, byToken, token, decided);
    return { case: proven, inquiry: byToken, byToken: true };
  }

  /**
   * GitHub, or the store, may have been slow since run and job were asked for: then they are asked for
   * once more, and whatever they are now counts (G-08, H-11).
   */
  async #fresh(
    { case: first, inquiry }: Proven,
    grants: readonly Grant[],
    decided: Decided,
  ): Promise<Proven> {
    const { github, clock } = this.#parts;
    const now = clock.steady();
    if (now - first.at <= freshForMs) return { case: first, inquiry };
    const times = { notBefore: now, arrivedAt: now };
    const latest = await examine(github, grants, inquiry, times, decided);
    assertSameGrant(first, latest);
    return { case: latest, inquiry };
  }

  /** @param since when the first credentials of this proof were given, milliseconds since 1970 */
  #issue(
    { case: proven, inquiry }: Proven,
    publicKey: Renewal["publicKey"],
    since: number,
    decided: Decided,
  ): Promise<CredentialAnswer> {
    const { signer, serverUrl, clock } = this.#parts;
    const plan = planIssue(proven.grant, proven.identity, inquiry, proven.facts);
    const renewal: Renewal = {
      repository: proven.identity.repository.name,
      runId: proven.identity.run.id,
      runAttempt: proven.identity.run.attempt,
      jobId: proven.identity.job.id,
      role: inquiry.role,
      step: inquiry.step,
      durationSeconds: inquiry.duration_seconds,
      proofs: inquiry.proofs,
      environment: inquiry.environment,
      publicKey,
      since,
      given: clock.wall(),
    };
    return this.#issuing.issue(plan, decided, (credentials) =>
      sealAnswer(
        credentials,
        renewal,
        { signer, serverUrl, now: clock.wall() },
        proven.grant.name,
        decided.requestId,
      ),
    );
  }

  #prover(decided: Decided): LogProver & { guard: Guard } {
    const guard: Guard = (run, look) => this.#parts.lookups.guard(decided.clientAddress, run, look);
    return { ...this.#parts, guard };
  }

  #assertNotTooOld({ maxAgeSeconds }: Grant, { since }: Renewal): void {
    if (this.#parts.clock.wall() - since < maxAgeSeconds * 1000) return;
    throw new Refusal("renewal_invalid", {
      detail: "The grant's longest time for renewals is over.",
    });
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

function proofOf({ proofs }: CredentialRequest): "log" | "oidc" | "both" {
  if (proofs.log && proofs.oidc) return "both";
  return proofs.oidc ? "oidc" : "log";
}

/** A log that is slow to read may have the line the next time; before that, it is GitHub who is slow. */
function tooLate({ proof, grant }: Decided): Refusal {
  const detail = "There was no time left for an answer: ask again.";
  const reading = (proof === "log" || proof === "both") && grant !== undefined;
  return new Refusal(reading ? "proof_pending" : "github_unavailable", { detail, retryAfter: 1 });
}

/** A grant that wants a token alone need not even name a step: a ticket beside the token proves nothing then. */
function readsLog(grants: readonly Grant[], token: Claims | null): boolean {
  return token === null || grants.some(({ proof }) => proof !== "oidc");
}

/** Token and log must speak of one repository, by id: names can change hands between the two. */
function assertSameRepository(token: Claims | null, { identity }: Case): void {
  if (token !== null && token.repository_id !== identity.repository.id) {
    throw oidcInvalid("it is another repository's than the log");
  }
}

function inquiryOf(renewal: Renewal): Inquiry {
  return {
    repository: renewal.repository,
    run_id: renewal.runId,
    run_attempt: renewal.runAttempt,
    job: { id: renewal.jobId },
    role: renewal.role,
    step: renewal.step,
    duration_seconds: renewal.durationSeconds,
    proofs: renewal.proofs,
    environment: renewal.environment,
  };
}
