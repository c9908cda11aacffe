import { createHmac, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Refusal } from "../../src/core/errors.ts";
import { Network } from "../../src/server/network.ts";
import { OidcVerifier } from "../../src/server/oidc.ts";
import { type Golden, startWorld, type World } from "../world/index.ts";
import type { Claims } from "../world/issuer/claims.ts";
import { type JwtOverrides, publicJwk, type SigningKey, signingKey } from "../world/issuer/keys.ts";
import { serve } from "./servers.ts";

const audience =
  "https://broker.example.com#age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef";
const minute = 60_000;
const hour = 60 * minute;

/** Whole, so that a second more or less can be told. */
const start = Date.parse("2026-08-01T12:00:00Z");
let clock: { wall: number; steady: number };
let world: World;
let golden: Golden;
let network: Network;
let verifier: OidcVerifier;

beforeEach(async () => {
  clock = { wall: start, steady: 1_000_000 };
  world = await startWorld({ now: () => clock.wall });
  golden = world.github.golden();
  network = new Network();
  verifier = verifierOf(world.issuer.url);
});
afterEach(async () => {
  await network.close();
  await world.close();
});

function verifierOf(issuer: string): OidcVerifier {
  return new OidcVerifier({ issuer, network, wall: () => clock.wall, steady: () => clock.steady });
}

function token(change: Claims = {}, overrides: JwtOverrides = {}): string {
  return world.issuer.sign({ ...world.issuer.claims(golden.job, audience), ...change }, overrides);
}

function pass(ms: number): void {
  clock.wall += ms;
  clock.steady += ms;
}

/** How often the issuer was asked for its keys, and for nothing else. */
function fetches(): number {
  expect(new Set(world.issuer.journal.map(({ path }) => path))).toEqual(
    new Set(world.issuer.journal.length > 0 ? ["/.well-known/jwks"] : []),
  );
  return world.issuer.journal.length;
}

async function expectAccepted(text = token()): Promise<void> {
  await expect(verifier.verify(text, audience)).resolves.toMatchObject({
    repository_id: 1_001,
    run_id: 5_001,
    check_run_id: 7_001,
  });
}

const notAccepted = /^The OIDC token is not accepted: /;

/** Why the token is refused: one of our fixed reasons, which hold nothing of it (O-18). The honest one is not. */
async function refusalOf(text: string): Promise<string> {
  const refusal = await verifier.verify(text, audience).then(
    () => expect.unreachable("the token was accepted"),
    (error: unknown) => error as Refusal,
  );
  const detail = refusal.detail ?? "";
  expect(refusal).toMatchObject({ code: "oidc_invalid", fields: [] });
  expect(refusal.note).toBeUndefined();
  expect(detail).toMatch(/^The OIDC token is not accepted: [a-z' _A-Z]+\.$/);
  for (const part of text.split(".").filter(({ length }) => length > 8))
    expect(detail).not.toContain(part);
  await expectAccepted();
  return detail;
}

test("a token of the job for this broker and key is accepted, for one look at the issuer's keys", async () => {
  await expectAccepted();
  await expectAccepted();
  expect(fetches()).toBe(1);
});

describe("O-01: the audience is this broker and key, as one text:", () => {
  const [broker = "", key = ""] = audience.split("#");
  test.each<[string, unknown]>([
    ["another key", `${broker}#age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg`],
    ["another broker", `https://other.example.com#${key}`],
    ["a prefix of it", audience.slice(0, -1)],
    ["it with something behind it", `${audience}x`],
    ["it with a blank before it", ` ${audience}`],
    ["a path more", `${broker}/#${key}`],
    ["another case", audience.toUpperCase()],
    ["another scheme", audience.replace("https", "http")],
    ["the broker alone", broker],
    ["the key alone", key],
    ["AWS", "sts.amazonaws.com"],
    ["the owner's page, as GitHub has it by default", "https://github.com/acme"],
    ["a list of it and another", [audience, "sts.amazonaws.com"]],
    ["a list of another and it", ["sts.amazonaws.com", audience]],
    ["a list of it alone", [audience]],
    ["an object that holds it", { 0: audience, length: 1 }],
    ["none", undefined],
    ["null", null],
    ["an empty text", ""],
  ])("not %s", async (_, aud) => {
    expect(await refusalOf(token({ aud }))).toMatch(
      /its audience is not this broker and key|times or claims/,
    );
  });
});

describe("O-03: the issuer is the configured one, to the letter:", () => {
  const others: Record<string, (url: string) => unknown> = {
    "a name that begins like it": (url) => `${url}.evil.example`,
    "a slash behind it": (url) => `${url}/`,
    "another scheme": (url) => url.replace("http:", "https:"),
    "another case": (url) => url.toUpperCase(),
    "an enterprise's path": (url) => `${url}/acme`,
    "an Enterprise Server's": () => "https://ghes.example.com/_services/token",
    "GitHub's own, which is another than this broker's (O-10)": () =>
      "https://token.actions.githubusercontent.com",
    "a user before it": (url) => url.replace("//", "//x@"),
    "a list of it": (url) => [url],
    none: () => undefined,
    null: () => null,
  };
  test.each(Object.entries(others))("not %s", async (_, iss) => {
    expect(await refusalOf(token({ iss: iss(world.issuer.url) }))).toMatch(/issuer/);
    expect(fetches()).toBe(1);
  });

  test("another issuer's token is none, though it says all that is right (O-10)", async () => {
    const other = await startWorld({ now: () => clock.wall });
    try {
      other.issuer.rotate();
      other.issuer.rotate();
      const claims = { ...other.issuer.claims(golden.job, audience), iss: world.issuer.url };
      expect(await refusalOf(other.issuer.sign(claims))).toMatch(/its key|its signature/);
      expect(other.issuer.journal).toEqual([]);
    } finally {
      await other.close();
    }
  });
});

describe("O-02: a forged token is none:", () => {
  const attacker: SigningKey = { ...signingKey(9), kid: "evil" };
  const elliptic = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuerKey = (): SigningKey => world.issuer.keys[0] ?? world.issuer.rotate();
  const publicKey = () => createPublicKey(issuerKey().privateKey);
  const input = (text: string): string => text.split(".").slice(0, 2).join(".");
  const signed = (header: object, make: (input: string) => Buffer): string => {
    const unsigned = input(token({}, { header: { ...header } }));
    return `${unsigned}.${make(unsigned).toString("base64url")}`;
  };
  const hmac = (secret: string | Buffer) => (text: string) =>
    createHmac("sha256", secret).update(text).digest();
  /** All right but the key. */
  const stolen = (header: Record<string, unknown>): string =>
    token({}, { key: attacker, header: { kid: issuerKey().kid, ...header } });

  const forgeries: Record<string, () => string> = {
    "alg none without a signature": () => token({}, { header: { alg: "none" }, signature: "" }),
    "alg none with a signature": () => token({}, { header: { alg: "none" } }),
    "alg None": () => token({}, { header: { alg: "None" }, signature: "AAAA" }),
    "no alg": () => token({}, { header: { alg: undefined } }),
    "alg as a list": () => token({}, { header: { alg: ["RS256"] } }),
    "HS256 with the public key in PEM": () =>
      signed({ alg: "HS256" }, hmac(publicKey().export({ type: "spki", format: "pem" }))),
    "HS256 with the public key in DER": () =>
      signed({ alg: "HS256" }, hmac(publicKey().export({ type: "spki", format: "der" }))),
    "HS256 with the modulus": () =>
      signed({ alg: "HS256" }, hmac(Buffer.from(String(publicJwk(issuerKey()).n), "base64url"))),
    "HS256 with an empty key": () => signed({ alg: "HS256" }, hmac("")),
    ES256: () =>
      signed({ alg: "ES256" }, (text) =>
        sign("SHA256", Buffer.from(text), { key: elliptic.privateKey, dsaEncoding: "ieee-p1363" }),
      ),
    "ES256 of zeros": () => signed({ alg: "ES256" }, () => Buffer.alloc(64)),
    "PS256, by the issuer's own key": () =>
      signed({ alg: "PS256" }, (text) =>
        sign("SHA256", Buffer.from(text), {
          key: issuerKey().privateKey,
          padding: 6,
          saltLength: 32,
        }),
      ),
    "RS512, by the issuer's own key": () =>
      signed({ alg: "RS512" }, (text) => sign("SHA512", Buffer.from(text), issuerKey().privateKey)),
    "RS256 in another case": () => token({}, { header: { alg: "rs256" } }),
    "another's key under the issuer's kid": () => stolen({}),
    "another's key under no kid": () => stolen({ kid: undefined }),
    "its key in the header": () => stolen({ kid: "evil", jwk: publicJwk(attacker) }),
    "its key in the header under the issuer's kid": () =>
      stolen({ jwk: { ...publicJwk(attacker), kid: issuerKey().kid } }),
    "its certificate in the header": () =>
      stolen({
        x5c: [
          createPublicKey(attacker.privateKey)
            .export({ type: "spki", format: "der" })
            .toString("base64"),
        ],
      }),
    "a signature of zeros": () => token({}, { signature: "A".repeat(342) }),
    "a signature of one byte": () => token({}, { signature: "AA" }),
    "half a signature": () => token().slice(0, -100),
    "the signature of another token": () => `${input(token())}.${token().split(".")[2]}`,
    "an empty signature": () => token({}, { signature: "" }),
    "other claims under the signature": () => {
      const [header, , signature] = token().split(".");
      const [, claims] = token({ run_id: "5002" }).split(".");
      return `${header}.${claims}.${signature}`;
    },
    "a critical header that is not known": () => token({}, { header: { crit: ["x"], x: 1 } }),
    "a critical header that names the time": () => token({}, { header: { crit: ["exp"], exp: 1 } }),
    "a critical header that is empty": () => token({}, { header: { crit: [] } }),
    "an unencoded payload": () => token({}, { header: { crit: ["b64"], b64: false } }),
    "a kid that is a path": () => stolen({ kid: "../../../../dev/null" }),
    "a kid that is a query": () => stolen({ kid: "' OR 1=1 --" }),
    "a kid that is a property of all objects": () => stolen({ kid: "__proto__" }),
    "a kid that is an address": () => stolen({ kid: "http://127.0.0.1:9/jwks" }),
    "a kid that is no text": () => stolen({ kid: { $ne: null } }),
    "a kid of 4,000 characters": () => stolen({ kid: "x".repeat(4_000) }),
  };
  test.each(Object.entries(forgeries))("%s", async (_, make) => {
    await expectAccepted();
    expect(await refusalOf(make())).toMatch(/it is not a signed token|its key|its signature/);
    // Not a look more at the issuer's keys than the first.
    expect(fetches()).toBe(1);
  });

  test.each(["RS512, by the issuer's own key", "PS256, by the issuer's own key"])(
    "%s, though the issuer does not say what its keys are for",
    async (forgery) => {
      world.issuer.transform<{ keys: Record<string, unknown>[] }>((body) => {
        for (const key of body.keys) {
          delete key.alg;
          delete key.use;
        }
      });
      await expectAccepted();
      expect(await refusalOf(forgeries[forgery]?.() ?? "")).toMatch(/its signature/);
    },
  );

  test("the addresses of keys in its header are never asked", async () => {
    const evil = await serve((_, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ keys: [publicJwk(attacker)] }));
    });
    for (const name of ["jku", "x5u", "iss", "jwks_uri"]) {
      expect(await refusalOf(stolen({ kid: "evil", [name]: `${evil.url}/jwks` }))).toMatch(
        notAccepted,
      );
      expect(await refusalOf(stolen({ [name]: `${evil.url}/jwks` }))).toMatch(notAccepted);
    }
    expect(await refusalOf(token({ iss: evil.url }, { key: attacker }))).toMatch(notAccepted);
    expect(evil.count()).toBe(0);
    expect(fetches()).toBe(1);
  });

  test("any one character changed", async () => {
    await expectAccepted();
    const text = token();
    const character = fc.constantFrom(...Array.from("ABCDEFabcdef0189-_.=+/ \n\0é"));
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), character, async (at, other) => {
        fc.pre(other !== text[at]);
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        await expect(verifier.verify(changed, audience)).rejects.toMatchObject({
          code: "oidc_invalid",
        });
      }),
      { numRuns: 300 },
    );
    // The last character has bits that count for nothing: still there is one spelling only (O-13).
    const last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (const other of last.replace(text.at(-1) ?? "", ""))
      await expect(verifier.verify(text.slice(0, -1) + other, audience)).rejects.toMatchObject({
        code: "oidc_invalid",
      });
    await expectAccepted(text);
  });
});

describe("O-13: what is not a signed token in its compact form is none:", () => {
  const shapes: Record<string, (text: string) => string> = {
    nothing: () => "",
    "no parts": () => "token",
    "two parts": (text) => text.split(".").slice(0, 2).join("."),
    "four parts": (text) => `${text}.AAAA`,
    "five parts, as an encrypted one has": (text) => `${text}.AAAA.AAAA`,
    "dots alone": () => "..",
    "a blank before it": (text) => ` ${text}`,
    "a newline behind it": (text) => `${text}\n`,
    "Bearer before it": (text) => `Bearer ${text}`,
    padding: (text) =>
      text
        .split(".")
        .map((part) => `${part}=`)
        .join("."),
    "the JSON form": (text) => {
      const [header, payload, signature] = text.split(".");
      return JSON.stringify({ protected: header, payload, signature });
    },
    "a megabyte of it": (text) => text.replace(".", `.${"A".repeat(1_000_000)}`),
    "a header that is not JSON": (text) => text.replace(/^[^.]+/, "AAAA"),
    "a header as deep as it is long": (text) =>
      text.replace(/^[^.]+/, Buffer.from(`{"alg":${"[".repeat(6_000)}`).toString("base64url")),
    "a header that is null": (text) =>
      text.replace(/^[^.]+/, Buffer.from("null").toString("base64url")),
  };
  test.each(Object.entries(shapes))("%s", async (_, shape) => {
    expect(await refusalOf(shape(token()))).toMatch(/it is not a signed token|its signature/);
    expect(fetches()).toBe(1);
  });

  test.each(["not JSON", "null", "[]", '"text"', "1", "{", "", "\u00ff"])(
    "a payload that is rightly signed, and is %j",
    async (payload) => {
      const [header] = token().split(".");
      const input = `${header}.${Buffer.from(payload).toString("base64url") || "AA"}`;
      const { privateKey } = world.issuer.keys[0] ?? world.issuer.rotate();
      const signature = sign("RSA-SHA256", Buffer.from(input), privateKey).toString("base64url");
      expect(await refusalOf(`${input}.${signature}`)).toMatch(notAccepted);
    },
  );

  test("nor is one that makes a claim twice, though it is rightly signed (O-12)", async () => {
    const claims = JSON.stringify(world.issuer.claims(golden.job, audience));
    const twice = `{"run_id":"5002",${claims.slice(1)}`;
    expect(await refusalOf(token({}, { payload: twice }))).toMatch(/it makes a claim twice/);
    await expectAccepted(token({}, { payload: claims }));
  });

  test("nothing is unpacked, whatever the header says", async () => {
    await expectAccepted(token({}, { header: { zip: "DEF" } }));
    const packed = deflateRawSync(Buffer.from(token().split(".")[1] ?? "", "base64url"));
    const [header] = token({}, { header: { zip: "DEF" } }).split(".");
    const input = `${header}.${packed.toString("base64url")}`;
    const { privateKey } = world.issuer.keys[0] ?? world.issuer.rotate();
    const signature = sign("RSA-SHA256", Buffer.from(input), privateKey).toString("base64url");
    expect(await refusalOf(`${input}.${signature}`)).toMatch(notAccepted);
  });
});

describe("O-06: times are whole seconds within a minute of ours:", () => {
  const now = start / 1_000;
  test.each<[string, Claims]>([
    ["that has just ended", { exp: now - 59 }],
    ["that begins in a moment", { nbf: now + 59 }],
    ["that was made in a moment", { iat: now + 59 }],
    ["that was made ten minutes ago", { iat: now - 659 }],
    ["without a beginning", { nbf: undefined }],
    ["that lasts for years, made just now", { exp: now + 10 * 365 * 86_400 }],
  ])("a token %s is good", async (_, change) => {
    await expect(verifier.verify(token(change), audience)).resolves.toMatchObject({
      run_id: 5_001,
    });
  });

  test.each<[string, Claims, RegExp]>([
    ["that has ended", { exp: now - 61 }, /it has expired/],
    ["that ended at the very end of the minute", { exp: now - 60 }, /it has expired/],
    ["that has ended long ago", { exp: 1 }, /it has expired/],
    ["that begins later", { nbf: now + 61 }, /its times/],
    ["that was made later", { iat: now + 61 }, /its times/],
    [
      "that was made long ago, though it lasts",
      { iat: now - 661, exp: now + 9_999 },
      /it has expired/,
    ],
    ["without an end", { exp: undefined }, /its times/],
    ["that does not say when it was made", { iat: undefined }, /its times/],
    ["that ends never", { exp: 1e300 }, /its claim exp/],
    ["whose end is text", { exp: "9999999999" }, /its times/],
    ["whose end is null", { exp: null }, /its times/],
    ["whose end is a list", { exp: [now + 300] }, /its times/],
    ["whose end is half a second", { exp: now + 300.5 }, /its claim exp/],
    ["whose end is negative", { exp: -now }, /it has expired/],
    ["made at half a second", { iat: now - 0.5 }, /its claim iat/],
    ["made at a text", { iat: String(now) }, /its times/],
    ["that begins at half a second", { nbf: now - 0.5 }, /its claim nbf/],
    ["that begins at a text", { nbf: String(now) }, /its times/],
    ["without an id of its own", { jti: undefined }, /its times/],
    ["with a number for an id", { jti: 1 }, /its claim jti/],
  ])("a token %s is none", async (_, change, reason) => {
    expect(await refusalOf(token(change))).toMatch(reason);
  });
});

describe("O-07: when the issuer changes its keys", () => {
  test("a token of the new key is good at once after ten seconds, and the old key's as long as it is shown", async () => {
    await expectAccepted();
    pass(10_000);
    const old = token();
    world.issuer.rotate({ keepOld: true });
    await expectAccepted(token());
    await expectAccepted(old);
    expect(fetches()).toBe(2);
  });

  test("a key that is shown no more is trusted ten minutes more at most", async () => {
    await expectAccepted();
    const leaked = world.issuer.keys[0];
    world.issuer.rotate();
    pass(10 * minute - 1);
    const [early, late] = [0, 2].map((ms) => {
      clock.wall += ms;
      return token({}, leaked && { key: leaked });
    });
    await expectAccepted(early);
    pass(2);
    expect(await refusalOf(late ?? "")).toMatch(/its key is not one of the issuer's/);
  });

  test("a stranger's key is looked for each ten seconds, whoever comes with however many (O-08)", async () => {
    await expectAccepted();
    const strangers = (count: number) =>
      Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const stranger = token({}, { header: { kid: `random-${index}` } });
          await expect(verifier.verify(stranger, audience)).rejects.toMatchObject({
            code: "oidc_invalid",
          });
        }),
      );
    await strangers(500);
    expect(fetches()).toBe(1);
    pass(10_000);
    await strangers(500);
    expect(fetches()).toBe(2);
    await strangers(10);
    await expectAccepted();
    expect(fetches()).toBe(2);
    pass(9_999);
    await strangers(10);
    expect(fetches()).toBe(2);
  });

  test("those who come at once share one look", async () => {
    await Promise.all(Array.from({ length: 50 }, () => expectAccepted()));
    expect(fetches()).toBe(1);
  });

  test("and is out of order, the last good keys hold for a day, and no longer", async () => {
    await expectAccepted();
    const fault = world.issuer.fault({ status: 500 });
    for (const later of [11 * minute, 2 * hour, 20 * hour]) {
      pass(later);
      await expectAccepted();
    }
    pass(2 * hour);
    await expect(verifier.verify(token(), audience)).rejects.toMatchObject({
      code: "github_unavailable",
      retryAfter: 5,
    });
    fault.remove();
    pass(minute + 1);
    await expectAccepted();
  });
});

describe("O-07: while the issuer can't be asked", () => {
  const unavailable = { code: "github_unavailable", retryAfter: 5 };
  /** 404 is asked for once, where 500 is tried again at once. */
  const outage = () => world.issuer.fault({ status: 404 });

  test("a token of a key that is not known is not refused for good, and is good as soon as it can", async () => {
    await expectAccepted();
    const before = token();
    pass(minute + 1);
    const fault = outage();
    world.issuer.rotate();
    const after = token();
    await expect(verifier.verify(after, audience)).rejects.toMatchObject(unavailable);
    await expectAccepted(before);
    fault.remove();
    await expect(verifier.verify(after, audience)).rejects.toMatchObject(unavailable);
    expect(fetches()).toBe(2);
    pass(10_000);
    await expectAccepted(after);
    expect(fetches()).toBe(3);
    expect(await refusalOf(before)).toMatch(/its key is not one of the issuer's/);
  });

  test("a stranger's key is looked for no oftener than else, whoever comes with however many (O-08)", async () => {
    await expectAccepted();
    pass(10_000);
    const fault = outage();
    const strangers = () =>
      Promise.all(
        Array.from({ length: 300 }, async (_, index) => {
          const stranger = token({}, { header: { kid: `random-${index}` } });
          await expect(verifier.verify(stranger, audience)).rejects.toMatchObject(unavailable);
        }),
      );
    for (const [ms, expected] of [
      [0, 2],
      [9_999, 2],
      [1, 3],
    ] as const) {
      pass(ms);
      await strangers();
      expect(fetches()).toBe(expected);
    }
    fault.remove();
    pass(10_000);
    expect(await refusalOf(token({}, { header: { kid: "random" } }))).toMatch(/its key/);
    expect(fetches()).toBe(4);
  });

  test("nobody whose key is known waits for what a stranger has looked for", async () => {
    await expectAccepted();
    pass(11 * minute);
    await expectAccepted();
    pass(11 * minute);
    const barrier = world.issuer.barrier(/jwks/);
    const stranger = verifier.verify(token({}, { header: { kid: "random" } }), audience);
    await barrier.arrived;
    await expectAccepted();
    barrier.release();
    await expect(stranger).rejects.toMatchObject({ code: "oidc_invalid" });
  });

  test("for a day, and then is there again, those who come at once share one look", async () => {
    await expectAccepted();
    pass(25 * hour);
    await Promise.all(Array.from({ length: 50 }, () => expectAccepted()));
    expect(fetches()).toBe(2);
  });
});

describe("O-07: an answer that holds no keys changes nothing, and is no key at the start:", () => {
  const keys = (list: unknown): string => JSON.stringify({ keys: list });
  test.each<[string, object]>([
    ["garbage", { body: "\0\u0001 not JSON" }],
    [
      "a page",
      { body: "<!DOCTYPE html><title>Unicorn!</title>", headers: { "content-type": "text/html" } },
    ],
    ["nothing", { body: "" }],
    ["null", { body: "null" }],
    ["a list", { body: "[]" }],
    ["an object", { body: "{}" }],
    ["no keys", { body: keys([]) }],
    ["keys that are none", { body: keys([null, 1, "key"]) }],
    ["keys that are an object", { body: keys({ 0: {} }) }],
    ["more than was agreed", { body: keys([{ kty: "RSA", x: "x".repeat(300_000) }]) }],
    ["a bomb", { gzipBomb: 10_000_000 }],
    ["half an answer", { truncate: true }],
    ["a cut connection", { reset: true }],
    ["404", { status: 404 }],
    ["403", { status: 403 }],
    ["429", { status: 429 }],
    ["204", { status: 204, body: "" }],
    ["keys on a page of error", { status: 404, body: keys([publicJwk(signingKey(9))]) }],
  ])("%s", async (_, fault) => {
    const first = world.issuer.fault(fault);
    await expect(verifier.verify(token(), audience)).rejects.toMatchObject({
      code: "github_unavailable",
      retryAfter: 5,
    });
    first.remove();
    pass(1_001);
    await expectAccepted();
    world.issuer.fault(fault);
    pass(11 * minute);
    await expectAccepted();
  });

  test("one that does not come is not waited for longer than five seconds", async () => {
    await expectAccepted();
    world.issuer.fault({ hang: true });
    pass(11 * minute);
    const fresh = verifierOf(world.issuer.url);
    const begun = performance.now();
    await Promise.all([
      expectAccepted(),
      expect(fresh.verify(token(), audience)).rejects.toMatchObject({ code: "github_unavailable" }),
    ]);
    expect(performance.now() - begun).toBeLessThan(20_000);
    // For ten seconds nobody waits.
    const again = performance.now();
    await expectAccepted();
    expect(performance.now() - again).toBeLessThan(4_000);
  });

  test("a redirect to other keys is not followed, and what the issuer says of itself is not read (O-16)", async () => {
    const attacker = signingKey(9);
    const evil = await serve((_, response) =>
      response.end(JSON.stringify({ keys: [publicJwk(attacker)] })),
    );
    await expectAccepted();
    const fault = world.issuer.fault({ redirect: `${evil.url}/.well-known/jwks` });
    pass(11 * minute);
    await expectAccepted();
    const forged = token({}, { key: attacker });
    await expect(verifier.verify(forged, audience)).rejects.toMatchObject({
      code: "github_unavailable",
    });
    fault.remove();
    pass(10_000);
    expect(await refusalOf(forged)).toMatch(/its key is not one of the issuer's/);
    expect(evil.count()).toBe(0);
    fetches();
  });

  test("keys of other kinds beside the right ones spoil nothing", async () => {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const small = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const odd = [
      { kty: "oct", k: "AAAA", kid: "symmetric", alg: "HS256" },
      { ...publicKey.export({ format: "jwk" }), kid: "elliptic" },
      { ...small.publicKey.export({ format: "jwk" }), kid: "small", alg: "RS256" },
      { kty: "RSA", kid: "broken" },
    ];
    world.issuer.transform<{ keys: object[] }>((body) => {
      body.keys.unshift(...odd);
    });
    await expectAccepted();
    expect(
      await refusalOf(token({}, { key: { kid: "small", privateKey: small.privateKey } })),
    ).toMatch(notAccepted);
    expect(await refusalOf(token({}, { header: { kid: "broken" } }))).toMatch(notAccepted);
    expect(await refusalOf(token({}, { header: { kid: "symmetric" } }))).toMatch(notAccepted);
    expect(await refusalOf(token({}, { header: { kid: "elliptic" } }))).toMatch(notAccepted);
  });
});
