import { parsePublicKey, type PublicKey } from "./recipient.ts";

/**
 * The two lines that a job writes into its log. Both must stand alone on their line, byte for byte.
 *
 * - keygen: `ACTIONS2AWS PUBKEY: <public key>` (the original's form)
 * - request: `ACTIONS2AWS PROOF: <public key> <challenge>`
 */
const pubkeyPrefix = "ACTIONS2AWS PUBKEY: ";
const proofPrefix = "ACTIONS2AWS PROOF: ";

/** What a challenge is made of; challenge.ts makes them. */
const challengeShape = /^[A-Za-z0-9_.-]{16,200}$/;

export interface Announcement {
  publicKey: PublicKey;
  challenge: string;
}

export function pubkeyLine(publicKey: string): string {
  return `${pubkeyPrefix}${publicKey}`;
}

/** @returns the key, or null when the item is not exactly keygen's announcement of one. */
export function parsePubkeyLine(item: string): PublicKey | null {
  return item.startsWith(pubkeyPrefix) ? parsePublicKey(item.slice(pubkeyPrefix.length)) : null;
}

export function proofLine(publicKey: string, challenge: string): string {
  return `${proofPrefix}${publicKey} ${challenge}`;
}

/**
 * Reads one whole item of the log. No trimming, no colours taken off, no part of a line: text that
 * only contains an announcement is not one (L-02, L-05, L-06, L-10, L-19, L-21).
 *
 * @returns the announcement, or null when the item is not exactly one.
 */
export function parseProofLine(item: string): Announcement | null {
  if (!item.startsWith(proofPrefix)) return null;
  const words = item.slice(proofPrefix.length).split(" ");
  const [key = "", challenge = ""] = words;
  const publicKey = parsePublicKey(key);
  if (words.length !== 2 || publicKey === null || !challengeShape.test(challenge)) return null;
  return { publicKey, challenge };
}
