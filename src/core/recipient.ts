import { bech32 } from "@scure/base";

/** An age X25519 recipient in its one canonical spelling, `age1` and 58 characters. */
export type PublicKey = string & { readonly __brand: "PublicKey" };

export const publicKeyShape = /^age1[02-9ac-hj-np-z]{58}$/;

/**
 * u-coordinates whose shared secret with anybody is zero, little-endian, as in RFC 7748 and the list
 * kept by libsodium. A key of this kind would let anyone read what is sealed to it (L-24).
 */
const lowOrder = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);

/**
 * Takes a recipient in its canonical spelling and no other: lower case, right checksum, 32 bytes,
 * below the field's prime, not of low order, so that text equality is key equality (L-24).
 *
 * @returns the key, or null for anything else (other age recipient types included).
 */
export function parsePublicKey(text: string): PublicKey | null {
  return publicKeyBytes(text) === null ? null : (text as PublicKey);
}

/** The 32 bytes of a canonical recipient, or null. */
export function publicKeyBytes(text: string): Uint8Array | null {
  if (!publicKeyShape.test(text)) return null;
  const decoded = bech32.decodeUnsafe(text);
  if (decoded?.prefix !== "age") return null;
  const bytes = bech32.fromWordsUnsafe(decoded.words);
  if (!bytes || bytes.length !== 32) return null;
  if (!isReduced(bytes) || lowOrder.has(hex(bytes))) return null;
  return encodePublicKey(bytes) === text ? bytes : null;
}

/** @param bytes 32 bytes, an X25519 public key. */
export function encodePublicKey(bytes: Uint8Array): PublicKey {
  return bech32.encode("age", bech32.toWords(bytes)) as string as PublicKey;
}

/** Below the field's prime, 2^255 - 19: above it stand other spellings of points below. */
function isReduced(bytes: Uint8Array): boolean {
  const high = hex(bytes.toReversed());
  return high < "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
