import { challengeLifetimeMs } from "../core/challenge.ts";
import { Refusal } from "../core/errors.ts";
import type { AssumeRolePlan } from "../core/issue.ts";
import { type Claims, oidcInvalid } from "../core/oidc-claims.ts";
import type { Use } from "./once.ts";

/** A challenge is used once, by the request that it was first used for. */
export function useOfChallenge(challenge: string, fingerprint: string): Use {
  const ttlSeconds = (2 * challengeLifetimeMs) / 1000;
  return { key: challenge, fingerprint, ttlSeconds, spent: challengeSpent };
}

/** So is a token (O-09). One that is older than ten minutes is not accepted at all. */
export function useOfToken(token: Claims | null, fingerprint: string): Use {
  return { key: `oidc ${token?.jti}`, fingerprint, ttlSeconds: 900, spent: tokenSpent };
}

/** A renewal token may be used again; for a while that leads to the same answer. */
export function useOfRenewal(token: string): Use {
  return { key: `renewal ${token}`, fingerprint: "", ttlSeconds: 600, spent: renewalSpent };
}

/**
 * The original's request has nothing fresh in it, so that anybody can send it again: for a moment that
 * leads to the same answer, and AWS is not asked again (H-12).
 */
export function useOfAnnouncement(
  { roleArn, sessionName }: AssumeRolePlan,
  publicKey: string,
): Use {
  const key = `legacy ${roleArn} ${sessionName} ${publicKey}`;
  return { key, fingerprint: "", ttlSeconds: 10, spent: challengeSpent };
}

function challengeSpent(): Refusal {
  return new Refusal("challenge_invalid", {
    detail: "The challenge has been used: ask for a new one.",
  });
}

function tokenSpent(): Refusal {
  return oidcInvalid("it has been used", 1);
}

function renewalSpent(): Refusal {
  return new Refusal("renewal_invalid");
}
