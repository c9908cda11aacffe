import type { Asked } from "../core/audit.ts";
import { checkTicket } from "../core/challenge.ts";
import { namesRepository, type Policy } from "../core/policy.ts";
import { checkRenewalToken, parseRenewalRequest } from "../core/renewal.ts";
import { parseChallengeRequest, parseCredentialRequest } from "../core/request.ts";
import type { Signer } from "../core/signer.ts";

/** What a request shows of itself before anybody is asked. */
export type Standing =
  /** It holds a ticket or a token that we sealed to its key: no stranger has one of these. */
  | { kind: "known" }
  /** It may be a job's first word. */
  | { kind: "first"; run: Pick<Asked, "repository" | "run_id"> };

export interface Judge {
  policy: Policy;
  signer: Signer;
  serverUrl: string;
  /** Milliseconds since 1970. */
  now: number;
}

/** @returns null for what no honest job sends */
export function standingOf(body: string, judge: Judge): Standing | null {
  const ways = [byChallengeRequest, byCredentialRequest, byRenewal];
  for (const way of ways) {
    try {
      const standing = way(body, judge);
      if (standing) return standing;
    } catch {
      // Not a request of this kind, or not one of ours.
    }
  }
  return null;
}

function byChallengeRequest(body: string, { policy }: Judge): Standing | null {
  const request = parseChallengeRequest(body);
  return namesRepository(policy, request.repository) ? { kind: "first", run: request } : null;
}

function byCredentialRequest(body: string, judge: Judge): Standing | null {
  const ask = parseCredentialRequest(body);
  if (!namesRepository(judge.policy, ask.repository)) return null;
  if (ask.ticket === undefined) return { kind: "first", run: ask };
  const binding = {
    serverUrl: judge.serverUrl,
    repository: ask.repository,
    runId: ask.run_id,
    runAttempt: ask.run_attempt,
    publicKey: ask.public_key,
  };
  checkTicket(judge.signer, binding, ask.ticket, judge.now);
  return { kind: "known" };
}

function byRenewal(body: string, { signer, serverUrl }: Judge): Standing {
  checkRenewalToken(signer, serverUrl, parseRenewalRequest(body).renewal_token);
  return { kind: "known" };
}
