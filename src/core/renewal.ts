import { base64urlnopad } from "@scure/base";
import { z } from "zod";
import { Refusal } from "./errors.ts";
import { parseJsonObject } from "./json.ts";
import { parsePublicKey, type PublicKey } from "./recipient.ts";
import { repositoryShape, roleShape } from "./request.ts";
import type { Signer } from "./signer.ts";

/**
 * What a renewal token says: who was given which role, and since when. It is signed, so nothing in it
 * can be changed, and it is handed out inside the sealed answer. What it allows is decided anew each
 * time, by the grants as they are then and the job as GitHub shows it then.
 */
export interface Renewal {
  repository: string;
  runId: number;
  runAttempt: number;
  jobId: number;
  role: string;
  /** The one that announced the key, or that the request has named beside a token. */
  step: string | undefined;
  durationSeconds: number | undefined;
  /** What was proved at first; a renewal proves no more. */
  proofs: { log: boolean; oidc: boolean };
  environment: string | null;
  /** Each renewal is sealed to it, whoever asks. */
  publicKey: PublicKey;
  /** When the first credentials were given, milliseconds since 1970. */
  since: number;
  /** When these were given: what makes the token of each renewal another one. */
  given: number;
}

const id = z.int().positive();

const shape = z.strictObject({
  repository: z.string().regex(repositoryShape),
  runId: id,
  runAttempt: id,
  jobId: id,
  role: z.string().regex(roleShape),
  step: z.string().optional(),
  durationSeconds: id.optional(),
  proofs: z.strictObject({ log: z.boolean(), oidc: z.boolean() }),
  environment: z.string().nullable(),
  publicKey: z.string(),
  since: id,
  given: id,
});

/** @param serverUrl which GitHub: ids mean nothing without it */
export function makeRenewalToken(signer: Signer, serverUrl: string, renewal: Renewal): string {
  const payload = base64urlnopad.encode(new TextEncoder().encode(JSON.stringify(renewal)));
  return `r1.${payload}.${signer.sign("renewal", message(payload, serverUrl))}`;
}

/** @throws {Refusal} renewal_invalid, one code for every way to be wrong */
export function checkRenewalToken(signer: Signer, serverUrl: string, token: string): Renewal {
  const [version, payload, signature, ...rest] = token.split(".");
  const wellFormed = version === "r1" && payload && signature && rest.length === 0;
  if (!wellFormed || !signer.verify("renewal", message(payload, serverUrl), signature))
    throw invalid();
  const result = shape.safeParse(jsonIn(payload));
  const publicKey = parsePublicKey(result.data?.publicKey ?? "");
  if (!result.success || publicKey === null) throw invalid();
  const { step, durationSeconds } = result.data;
  return { ...result.data, step, durationSeconds, publicKey };
}

/** @throws {Refusal} invalid_request */
export function parseRenewalRequest(body: string): { renewal_token: string } {
  const result = renewalRequest.safeParse(parseJsonObject(body));
  if (result.success) return result.data;
  throw new Refusal("invalid_request", {
    detail: "The body must hold renewal_token and nothing else.",
  });
}

/** Role, key and duration are the token's: the request can't ask for other ones. */
export const renewalRequest = z.strictObject({ renewal_token: z.string().min(1).max(8_192) });

/** Renewing makes sense when two thirds of a life are over. @returns milliseconds since 1970 */
export function renewalAfter(now: number, expiration: number): number {
  return now + Math.floor(((expiration - now) * 2) / 3);
}

/** @returns undefined for what is not JSON: a right signature alone does not make a payload of ours. */
function jsonIn(payload: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(base64urlnopad.decode(payload)));
  } catch {
    return undefined;
  }
}

function invalid(): Refusal {
  return new Refusal("renewal_invalid", {
    detail: "The renewal token is not one of this broker's.",
  });
}

function message(payload: string, serverUrl: string): string {
  return JSON.stringify([payload, serverUrl]);
}
