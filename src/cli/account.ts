import type { Credentials } from "./credentials.ts";
import { Failure, exitCodes } from "./failure.ts";

/** @param role a role's ARN */
export function accountOfRole(role: string): string {
  return role.split(":")[4] ?? "";
}

/**
 * Whoever knows our public key can seal credentials of an account of theirs to it (C-02). They can't
 * change which account: an access key id has its account's number in it, and AWS takes no other id
 * with the secret that belongs to it.
 *
 * @throws {Failure} unless the credentials are the account's
 */
export function assertOfAccount(credentials: Credentials, expected: string): void {
  const account = accountOfKeyId(credentials.accessKeyId.reveal());
  if (account === expected) return;
  const found = account === null ? "do not tell their account" : "are another account's";
  throw new Failure(
    exitCodes.other,
    `the broker's credentials ${found}, and --expect-account is ${expected}: they are not used; ` +
      "tell whoever runs the broker",
  );
}

/**
 * Behind the prefix, in base32: one bit that is set in the ids that AWS gives today, then the account's 40.
 * AWS does not document it; measured on 3,000 ids in
 * https://labs.withsecure.com/publications/a-bitwise-analysis-of-aws-access-key-identifiers.html
 *
 * @returns twelve digits; null for an id of the old generation, which does not tell
 */
export function accountOfKeyId(id: string): string | null {
  if (!/^A[A-Z]{3}[Q-Z2-7][A-Z2-7]{15}$/.test(id)) return null;
  const digits = Array.from(id.slice(4, 14), (character) => alphabet.indexOf(character));
  // Ten characters are 50 bits: nine more than are of interest.
  const account =
    (digits.reduce((value, digit) => value * 32n + BigInt(digit), 0n) >> 9n) % 2n ** 40n;
  return account < 10n ** 12n ? String(account).padStart(12, "0") : null;
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
