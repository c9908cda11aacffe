import { createHmac, createPublicKey, type KeyObject, sign } from "node:crypto";
import { describe, expect, test } from "vitest";
import { SimulatedIssuer } from "../world/issuer/index.ts";
import { publicJwk, type SigningKey, signingKey } from "../world/issuer/keys.ts";
import type { Client } from "../harness/client.ts";
import { useTokens } from "../harness/token-scene.ts";

const { bench, tokenOf, show, expectNotAccepted } = useTokens();

/** A key of the attacker's own. */
const attacker: SigningKey = { ...signingKey(9), kid: "evil" };

/** The key that the issuer signs with, and shows. */
function issuerKey(): SigningKey {
  return bench().world.issuer.keys.at(-1) ?? expect.unreachable();
}

function publicKey(): KeyObject {
  return createPublicKey(issuerKey().privateKey);
}

/** Header and claims as they should be, but for the header's changes, signed in another way. */
function signedBy(
  client: Client,
  header: Record<string, unknown>,
  make: (input: string) => Buffer,
): string {
  const input = tokenOf(client, {}, { header }).split(".").slice(0, 2).join(".");
  return `${input}.${make(input).toString("base64url")}`;
}

function hmac(hash: string, secret: string | Buffer): (input: string) => Buffer {
  return (input) => createHmac(hash, secret).update(input).digest();
}

function rsa(hash: string): (input: string) => Buffer {
  return (input) => sign(hash, Buffer.from(input), issuerKey().privateKey);
}

/** All right but the key: signed by the attacker in the name of the issuer's, with these headers. */
function stolen(client: Client, header: Record<string, unknown> = {}): string {
  const { kid } = issuerKey();
  return tokenOf(client, {}, { key: attacker, header: { kid, ...header } });
}

const pem = (type: "spki" | "pkcs1"): string => String(publicKey().export({ type, format: "pem" }));

describe("a forged token is not accepted, and names no key or algorithm of its own:", () => {
  const forgeries: Record<string, (client: Client) => string> = {
    "alg none without a signature": (client) =>
      tokenOf(client, {}, { header: { alg: "none" }, signature: "" }),
    "alg none with the signature of RS256": (client) =>
      tokenOf(client, {}, { header: { alg: "none" } }),
    "alg NoNe": (client) => tokenOf(client, {}, { header: { alg: "NoNe" }, signature: "AAAA" }),
    "no alg": (client) => tokenOf(client, {}, { header: { alg: undefined } }),
    "a list of algs": (client) => tokenOf(client, {}, { header: { alg: ["RS256"] } }),
    "alg in another case": (client) => tokenOf(client, {}, { header: { alg: "rs256" } }),
    "HS256 by the issuer's public key in PEM": (client) =>
      signedBy(client, { alg: "HS256" }, hmac("sha256", pem("spki"))),
    "HS256 by that key in the older PEM": (client) =>
      signedBy(client, { alg: "HS256" }, hmac("sha256", pem("pkcs1"))),
    "HS256 by that key as the issuer shows it": (client) =>
      signedBy(client, { alg: "HS256" }, hmac("sha256", JSON.stringify(publicJwk(issuerKey())))),
    "HS256 by its modulus": (client) =>
      signedBy(client, { alg: "HS256" }, hmac("sha256", String(publicJwk(issuerKey()).n))),
    "HS512 by nothing": (client) => signedBy(client, { alg: "HS512" }, hmac("sha512", "")),
    "RS512 by the issuer's own key": (client) =>
      signedBy(client, { alg: "RS512" }, rsa("RSA-SHA512")),
    "RS1 by the issuer's own key": (client) => signedBy(client, { alg: "RS1" }, rsa("RSA-SHA1")),
    "ES256 with a signature of zeros": (client) =>
      signedBy(client, { alg: "ES256" }, () => Buffer.alloc(64)),
    "EdDSA with a signature of zeros": (client) =>
      signedBy(client, { alg: "EdDSA" }, () => Buffer.alloc(64)),
    "RS256 with a signature of zeros": (client) => signedBy(client, {}, () => Buffer.alloc(256)),
    "RS256 with an empty signature": (client) => tokenOf(client, {}, { signature: "" }),
    "RS256 with half a signature": (client) => tokenOf(client).slice(0, -171),
    "the signature of another token": (client) =>
      tokenOf(client).replace(/[^.]+$/, String(tokenOf(client).split(".")[2])),
    "other claims under a signature of the issuer's": (client) => {
      const [header, , signature] = tokenOf(client).split(".");
      const [, claims] = tokenOf(client, { environment: "production" }).split(".");
      return `${header}.${claims}.${signature}`;
    },
    "another's signature": (client) => stolen(client),
    "another's, without a key's name": (client) => stolen(client, { kid: undefined }),
    "another's, with his key in `jwk`": (client) => stolen(client, { jwk: publicJwk(attacker) }),
    "another's, with his certificate in `x5c`": (client) =>
      stolen(client, {
        x5c: [
          createPublicKey(attacker.privateKey)
            .export({ type: "spki", format: "der" })
            .toString("base64"),
        ],
      }),
    "another's, with a path for `kid`": (client) => stolen(client, { kid: "../../../dev/null" }),
    "another's, with SQL for `kid`": (client) => stolen(client, { kid: "' UNION SELECT 'x' --" }),
    "another's, with a property of all objects for `kid`": (client) =>
      stolen(client, { kid: "__proto__" }),
    "another's, with an object for `kid`": (client) => stolen(client, { kid: { $ne: null } }),
    "another's, with 3,000 characters for `kid`": (client) =>
      stolen(client, { kid: "x".repeat(3_000) }),
    "a critical header that is not known": (client) =>
      tokenOf(client, {}, { header: { crit: ["x"], x: 1 } }),
    "a critical header that is known to nobody here": (client) =>
      tokenOf(client, {}, { header: { crit: ["exp"], exp: 1 } }),
    "a critical header that is empty": (client) => tokenOf(client, {}, { header: { crit: [] } }),
    "a payload that is not encoded": (client) =>
      tokenOf(client, {}, { header: { crit: ["b64"], b64: false } }),
  };
  test.for(Object.entries(forgeries))("%s (O-02)", async ([, forge]) => {
    const client = await bench().client();
    await expectNotAccepted(await show(client, forge(client)));
  });

  test.for(["jku", "x5u", "jwks_uri", "iss"])(
    "an address of keys in its header's %s is never asked (O-02, O-16)",
    async (name) => {
      const evil = new SimulatedIssuer(() => Date.now());
      await evil.start();
      try {
        evil.keys.push(attacker);
        const client = await bench().client();
        const address = `${evil.url}/.well-known/jwks`;
        for (const kid of [attacker.kid, issuerKey().kid, address])
          await expectNotAccepted(await show(client, stolen(client, { kid, [name]: address })));
        expect(evil.journal).toEqual([]);
      } finally {
        await evil.close();
      }
    },
  );
});
