import { Refusal } from "./errors.ts";
import { foldAscii } from "./pattern.ts";
import type { Signer } from "./signer.ts";

/**
 * A challenge is public: the job prints it into its log. Its ticket is not: it is sealed to the job's
 * key, so that only who holds the private half can ask (L-15). Both are signed, not stored: any
 * instance with the signing key can check them, and asking for many fills nothing (H-25).
 */

/** What a challenge is bound to. */
export interface ChallengeBinding {
  /** Which GitHub, as the broker is configured: ids mean nothing without it (G-21). */
  serverUrl: string;
  repository: string;
  runId: number;
  runAttempt: number;
  publicKey: string;
}

export interface Challenge {
  /** `c1.<expiry>.<nonce>.<signature>`, what the job prints. */
  challenge: string;
  /** `<challenge>.<signature>`, what the job sends back. */
  ticket: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

export const challengeLifetimeMs = 5 * 60_000;
const clockSkewMs = 60_000;

/**
 * @param now milliseconds since 1970
 * @param nonce at least 12 characters of base64url, never used before
 */
export function makeChallenge(
  signer: Signer,
  binding: ChallengeBinding,
  now: number,
  nonce: string,
): Challenge {
  const expiresAt = now + challengeLifetimeMs;
  const stem = `c1.${Math.floor(expiresAt / 1000).toString(36)}.${nonce}`;
  const challenge = `${stem}.${signer.sign("challenge", message(stem, binding))}`;
  const ticket = `${challenge}.${signer.sign("ticket", challenge)}`;
  return { challenge, ticket, expiresAt: Math.floor(expiresAt / 1000) * 1000 };
}

/**
 * @returns the challenge that the ticket belongs to.
 * @throws {Refusal} challenge_invalid (one code for every way to be wrong), challenge_expired
 */
export function checkTicket(
  signer: Signer,
  binding: ChallengeBinding,
  ticket: string,
  now: number,
): string {
  const [version, expiry = "", nonce = "", signature = "", proof = "", ...rest] = ticket.split(".");
  if (version !== "c1" || rest.length > 0) throw invalid();
  const stem = `${version}.${expiry}.${nonce}`;
  const challenge = `${stem}.${signature}`;
  const genuine = signer.verify("challenge", message(stem, binding), signature);
  if (!signer.verify("ticket", challenge, proof) || !genuine) throw invalid();
  const expiresAt = Number.parseInt(expiry, 36) * 1000;
  // A signature of ours with a time to come means that a clock has jumped back (F-09).
  if (!(expiresAt <= now + challengeLifetimeMs + clockSkewMs)) throw invalid();
  if (now >= expiresAt) {
    throw new Refusal("challenge_expired", {
      detail: "Ask for a new challenge and announce that.",
    });
  }
  return challenge;
}

function message(stem: string, binding: ChallengeBinding): string {
  const { serverUrl, repository, runId, runAttempt, publicKey } = binding;
  return JSON.stringify([stem, serverUrl, foldAscii(repository), runId, runAttempt, publicKey]);
}

function invalid(): Refusal {
  return new Refusal("challenge_invalid", {
    detail: "The ticket is not one for this repository, run, attempt and key.",
  });
}
