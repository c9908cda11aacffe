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

const wordsAndKey = /^(.*)age1[02-9ac-hj-np-z]{58}$/;
const marked = /^##\[(?:error|warning|notice)\](.*)$/s;

/**
 * Whether the runner has changed what may have been keygen's announcement: cut out what a mask says,
 * or put a problem matcher's marker before it. Attackers can bring about both, so that their own line
 * is the only one left (L-07, L-09).
 */
export function isSpoiledPubkeyLine(item: string): boolean {
  if (item.length > 1024) return false;
  if (item.includes("***"))
    return item.startsWith(pubkeyPrefix) || isMaskedPrefix(wordsAndKey.exec(item)?.[1] ?? "");
  const [, message] = marked.exec(item) ?? [];
  return message !== undefined && parsePubkeyLine(message) !== null;
}

/** Whether these words can be what masks leave of those before the key. */
function isMaskedPrefix(words: string): boolean {
  const pieces = words.split("***");
  let at = 0;
  for (const piece of pieces) {
    const found = pubkeyPrefix.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  const [first = "", ...more] = pieces;
  const last = more.at(-1);
  return last !== undefined && pubkeyPrefix.startsWith(first) && pubkeyPrefix.endsWith(last);
}

export function proofLine(publicKey: string, challenge: string): string {
  return `${proofPrefix}${publicKey} ${challenge}`;
}

/** Whether a mask has cut into what was an announcement of some key (L-09). */
export function isMaskedProofLine(item: string): boolean {
  return item.startsWith(proofPrefix) && item.length <= 1024 && item.includes("***");
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
