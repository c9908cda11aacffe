import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

// RSA keys take a while to make, and no test cares whose they are: worlds of one process share them.
const made: KeyObject[] = [];

/** The nth key of any world, under an id of its own. */
export function signingKey(index: number): SigningKey {
  const privateKey = (made[index] ??= generateKeyPairSync("rsa", {
    modulusLength: 2048,
  }).privateKey);
  return { kid: `simulated-key-${index + 1}`, privateKey };
}

export function publicJwk({ kid, privateKey }: SigningKey): Record<string, unknown> {
  return {
    ...createPublicKey(privateKey).export({ format: "jwk" }),
    alg: "RS256",
    use: "sig",
    kid,
  };
}

export interface JwtOverrides {
  /** Merged over `typ`, `alg` and `kid`. */
  readonly header?: Record<string, unknown>;
  readonly key?: SigningKey;
  /** Takes the place of the claims, as text: what no object can be, such as a key given twice. */
  readonly payload?: string;
  /** Takes the place of the signature. */
  readonly signature?: string;
}

export function signJwt(
  claims: Record<string, unknown>,
  key: SigningKey,
  overrides: JwtOverrides = {},
): string {
  const used = overrides.key ?? key;
  const header = { typ: "JWT", alg: "RS256", kid: used.kid, ...overrides.header };
  const input = `${base64url(JSON.stringify(header))}.${base64url(overrides.payload ?? JSON.stringify(claims))}`;
  return `${input}.${overrides.signature ?? sign("RSA-SHA256", Buffer.from(input), used.privateKey).toString("base64url")}`;
}

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}
