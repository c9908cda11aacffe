import { randomBytes } from "node:crypto";

/** Credentials made up by the simulated STS; `canary` is in each of them, so that a leak can be searched for. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: string;
}

export function canaryCredentials(expiresAt: number): Credentials {
  const unique = randomBytes(60);
  return {
    accessKeyId: `ASIACANARY${letters(unique, 10)}`,
    // With + and /, which real ones have and which quoting gets wrong.
    secretAccessKey: `canary+Secret/${unique.toString("hex").slice(0, 26)}`,
    sessionToken: `canarySessionToken//${Buffer.concat([unique, unique, unique, unique, unique]).toString("base64")}==`,
    expiration: new Date(expiresAt).toISOString().replace(/\.\d+Z$/, "Z"),
  };
}

function letters(bytes: Buffer, count: number): string {
  return Array.from(
    bytes.subarray(0, count),
    (byte) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[byte % 32],
  ).join("");
}
