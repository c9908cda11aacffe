import { createHash } from "node:crypto";

/** The name of a key in the store: as long as any other, and nothing that an attacker writes is in it. */
export function hashed(kind: string, key: string): string {
  const digest = createHash("sha256").update(key).digest("base64url");
  return `actions2aws:${kind}:${digest}`;
}
