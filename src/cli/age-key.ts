import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import { bech32 } from "@scure/base";
import { encodePublicKey, type PublicKey } from "../core/recipient.ts";
import { Secret } from "../core/secret.ts";

/** An age X25519 identity with its recipient. */
export interface AgeKey {
  publicKey: PublicKey;
  /** `AGE-SECRET-KEY-1…` */
  identity: Secret;
}

/** Made by OpenSSL: age-encryption would take longer to load than all of keygen takes. */
export function generateAgeKey(): AgeKey {
  const { privateKey } = generateKeyPairSync("x25519");
  const scalar = privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32);
  const identity = bech32.encode("age-secret-key-", bech32.toWords(scalar)).toUpperCase();
  return { publicKey: publicHalf(privateKey), identity: new Secret(identity) };
}

/** The text of an identity file, as age-keygen writes it. */
export function identityFileText(key: AgeKey, now: number): string {
  const created = new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
  return `# created: ${created}\n# public key: ${key.publicKey}\n${key.identity.reveal()}\n`;
}

/**
 * Reads what age-keygen, this program or the original (a bare key) wrote.
 *
 * @returns null unless there is exactly one X25519 identity, and nothing else but comments.
 */
export function parseIdentityFile(text: string): AgeKey | null {
  const lines = text.split("\n").map((line) => line.trim());
  const [identity, ...others] = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (identity === undefined || others.length > 0) return null;
  const scalar = scalarOf(identity);
  if (scalar === null) return null;
  const der = Buffer.concat([pkcs8Prefix, scalar]);
  const publicKey = publicHalf(createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
  return { publicKey, identity: new Secret(identity) };
}

/** Everything before the 32 bytes of an X25519 key in PKCS #8 (RFC 8410). */
const pkcs8Prefix = Buffer.from("302e020100300506032b656e04220420", "hex");

function scalarOf(identity: string): Uint8Array | null {
  if (!/^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/.test(identity)) return null;
  // The unsafe form gives nothing back on a fault; the other would put the key into its message.
  const decoded = bech32.decodeUnsafe(identity);
  const bytes = decoded && bech32.fromWordsUnsafe(decoded.words);
  return bytes && bytes.length === 32 ? bytes : null;
}

function publicHalf(privateKey: KeyObject): PublicKey {
  return encodePublicKey(
    createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32),
  );
}
