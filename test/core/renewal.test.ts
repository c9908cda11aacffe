import { base64urlnopad } from "@scure/base";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkTicket, makeChallenge } from "../../src/core/challenge.ts";
import type { PublicKey } from "../../src/core/recipient.ts";
import {
  checkRenewalToken,
  makeRenewalToken,
  parseRenewalRequest,
  type Renewal,
  renewalAfter,
} from "../../src/core/renewal.ts";
import { Secret } from "../../src/core/secret.ts";
import type { Purpose } from "../../src/core/signer.ts";
import { SigningKey } from "../../src/server/signing-key.ts";
import { character } from "./character.ts";
import { code, now, roleArn, told } from "./golden.ts";

const signer = new SigningKey(new Secret("a signing key of 32 characters at least"));
const server = "https://github.com";
const golden: Renewal = {
  repository: "acme/app",
  runId: 5_001,
  runAttempt: 1,
  jobId: 7_001,
  role: roleArn,
  step: "assume role",
  durationSeconds: 1_800,
  proofs: { log: true, oidc: false },
  environment: null,
  publicKey: "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef" as PublicKey,
  since: now,
  given: now,
};
const token = makeRenewalToken(signer, server, golden);
const check = (text: string): Renewal => checkRenewalToken(signer, server, text);

const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
/** As long as names may be at GitHub and in a request, in characters that take most room. */
const name = (longest: number) =>
  fc.string({ minLength: 1, maxLength: longest, unit: fc.constantFrom("a", "é", "漢", '"', "\\") });
const renewals: fc.Arbitrary<Renewal> = fc.record({
  repository: fc.constantFrom("acme/app", `${"a".repeat(39)}/${"b".repeat(100)}`),
  runId: id,
  runAttempt: id,
  jobId: id,
  role: fc.constantFrom(roleArn, `${roleArn}-${"x".repeat(500)}`),
  step: fc.option(name(512), { nil: undefined }),
  durationSeconds: fc.option(fc.integer({ min: 900, max: 43_200 }), { nil: undefined }),
  proofs: fc.record({ log: fc.boolean(), oidc: fc.boolean() }),
  environment: fc.option(name(255)),
  publicKey: fc.constant(golden.publicKey),
  since: id,
  given: id,
});

test("what a token was made of is what is read of it", () => {
  fc.assert(
    fc.property(renewals, (renewal) => {
      expect(check(makeRenewalToken(signer, server, renewal))).toEqual(renewal);
    }),
  );
});

test("whatever was given a token can be asked for again with it: none is too long for a request", () => {
  const longest: Renewal = {
    ...golden,
    repository: `${"a".repeat(39)}/${"b".repeat(100)}`,
    role: `arn:aws:iam::123456789012:role/${"r".repeat(576)}`,
    step: "漢".repeat(512),
    environment: "漢".repeat(255),
    runId: Number.MAX_SAFE_INTEGER,
    jobId: Number.MAX_SAFE_INTEGER,
  };
  for (const renewal of [golden, longest]) {
    const made = makeRenewalToken(signer, server, renewal);
    expect(parseRenewalRequest(JSON.stringify({ renewal_token: made })).renewal_token).toBe(made);
    expect(check(made)).toEqual(renewal);
  }
});

test("R-07: the tokens of two answers differ, though all else of them is the same", () => {
  const later = makeRenewalToken(signer, server, { ...golden, given: now + 1 });
  expect(later).not.toBe(token);
  expect(check(later)).toEqual({ ...golden, given: now + 1 });
});

describe("R-05: one code for whatever is not a token of this broker's:", () => {
  const refusal = (text: string): unknown => {
    try {
      return check(text);
    } catch (error) {
      return error;
    }
  };
  const invalid = code("renewal_invalid", { fields: [], note: undefined, ...told });

  test("the token with any one of its characters changed", () => {
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.string({ unit: character }), (at, other) => {
        fc.pre(other !== token[at]);
        expect(refusal(token.slice(0, at) + other + token.slice(at + 1))).toEqual(invalid);
      }),
      { numRuns: 500 },
    );
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/";
    for (let at = 0; at < token.length; at++) {
      const next = alphabet[(alphabet.indexOf(token[at] ?? "") + 1) % alphabet.length] ?? "";
      expect(refusal(token.slice(0, at) + next + token.slice(at + 1))).toEqual(invalid);
    }
  });

  test("any other text", () => {
    const parts = fc.array(fc.oneof(fc.base64String(), fc.string(), fc.constant("r1")));
    fc.assert(
      fc.property(parts, (words) => {
        expect(refusal(words.join("."))).toEqual(invalid);
      }),
    );
    const [version = "", payload = "", signature = ""] = token.split(".");
    for (const text of [
      "",
      ".",
      "..",
      "r1..",
      `${version}.${payload}`,
      `${version}.${payload}.`,
      `${version}..${signature}`,
      `${version}.${payload}.${signature}.`,
      `${version}.${payload}.${signature}.${signature}`,
      `r2.${payload}.${signature}`,
      ` ${token}`,
      `${token}\n`,
      `${version}.${payload}=.${signature}`,
      `${version}.${payload}.${signature}==`,
    ])
      expect(refusal(text)).toEqual(invalid);
  });

  test("one that another key has signed, or that is for another GitHub (G-21)", () => {
    const other = new SigningKey(new Secret("another signing key of 32 characters and more"));
    expect(refusal(makeRenewalToken(other, server, golden))).toEqual(invalid);
    for (const url of ["https://github.com/", "https://ghes.example.com", ""]) {
      expect(refusal(makeRenewalToken(signer, url, golden))).toEqual(invalid);
      expect(() => checkRenewalToken(signer, url, token)).toThrow(invalid);
    }
  });

  const signed = (payload: string, purpose: Purpose = "renewal"): string =>
    `r1.${payload}.${signer.sign(purpose, JSON.stringify([payload, server]))}`;
  const encoded = (text: string): string => base64urlnopad.encode(new TextEncoder().encode(text));

  test("a signature that was made for another purpose", () => {
    const [, payload = ""] = token.split(".");
    expect(signed(payload)).toBe(token);
    expect(refusal(signed(payload, "challenge"))).toEqual(invalid);
    expect(refusal(signed(payload, "ticket"))).toEqual(invalid);
  });

  test("a challenge or its ticket; nor is a renewal token a ticket", () => {
    const binding = { serverUrl: server, ...golden };
    const made = makeChallenge(signer, binding, now, "AbCdEfGhIjKlMnOp");
    expect(refusal(made.challenge)).toEqual(invalid);
    expect(refusal(made.ticket)).toEqual(invalid);
    expect(refusal(`r1.${made.ticket.split(".").slice(-2).join(".")}`)).toEqual(invalid);
    for (const text of [token, token.replace("r1.", "c1."), `c1.${token.slice(3)}.x.x`])
      expect(() => checkTicket(signer, binding, text, now)).toThrow(code("challenge_invalid"));
  });

  test.each([
    ["not base64url", "%%%"],
    ["base64url in another spelling", "e31"],
    ["not JSON", encoded("not JSON")],
    ["half of the JSON", encoded(JSON.stringify(golden).slice(0, -1))],
    ["not UTF-8", base64urlnopad.encode(new Uint8Array([0xff, 0xfe, 0x7b]))],
    ["null", encoded("null")],
    ["a text", encoded('"r1"')],
    ["a list", encoded(JSON.stringify([golden]))],
    ["huge", encoded(JSON.stringify({ ...golden, step: "x".repeat(1_000_000) }).slice(1))],
    ["deep", encoded("[".repeat(100_000))],
    ["another field", encoded(JSON.stringify({ ...golden, admin: true }))],
    ["another repository's shape", encoded(JSON.stringify({ ...golden, repository: "a/../b" }))],
    ["another role's shape", encoded(JSON.stringify({ ...golden, role: "*" }))],
    ["a key that is none", encoded(JSON.stringify({ ...golden, publicKey: "age1evil" }))],
    ["a number that is none", encoded(JSON.stringify(golden).replace("5001", "5e999"))],
  ])("what is signed rightly, but is %s", (_, payload) =>
    expect(refusal(signed(payload))).toEqual(invalid),
  );

  test.each(Object.keys(golden) as (keyof Renewal)[])(
    "what is signed rightly, but whose %s is odd",
    (field) => {
      const { [field]: _, ...rest } = golden;
      // Those two may be left out.
      if (field !== "step" && field !== "durationSeconds")
        expect(refusal(signed(encoded(JSON.stringify(rest))))).toEqual(invalid);
      for (const value of [[], {}, true, -1, 1.5, ["x"]])
        expect(refusal(signed(encoded(JSON.stringify({ ...golden, [field]: value }))))).toEqual(
          invalid,
        );
    },
  );
});

describe("R-06: a renewal asks for nothing but the renewal:", () => {
  const odd: Record<string, object> = {
    role: { role: roleArn },
    "a duration": { duration_seconds: 43_200 },
    "a key (R-02)": { public_key: golden.publicKey },
    "a region": { region: "eu-west-1" },
    "a policy": { session_policy: {} },
    "another run": { run_id: 5_002 },
    "the token in another case": { Renewal_Token: token },
  };
  test.each(Object.entries(odd))("%s beside the token is refused", (_, more) => {
    expect(() => parseRenewalRequest(JSON.stringify({ renewal_token: token, ...more }))).toThrow(
      code("invalid_request"),
    );
  });

  test.each([
    "{}",
    "[]",
    "null",
    '{"renewal_token":""}',
    '{"renewal_token":1}',
    `{"renewal_token":["${token}"]}`,
    `{"renewal_token":"${token}","renewal_token":"${token}"}`,
    `{"renewal_token":"${"x".repeat(8_193)}"}`,
  ])("%s is refused", (body) => {
    expect(() => parseRenewalRequest(body)).toThrow(code("invalid_request", told));
  });
});

describe("when to renew", () => {
  const life = fc.integer({ min: 0, max: 43_200_000 });
  test("lies in the last half of a life, and never beyond its end", () => {
    fc.assert(
      fc.property(life, (ms) => {
        const at = renewalAfter(now, now + ms);
        expect(Number.isInteger(at)).toBe(true);
        expect(at - now).toBeGreaterThanOrEqual(Math.floor(ms / 2));
        expect(at - now).toBeLessThanOrEqual(ms);
      }),
    );
  });

  test.each([
    ["the shortest that STS gives", 900_000, 600_000],
    ["an hour", 3_600_000, 2_400_000],
    ["a second that is left", 1_000, 666],
    ["a moment", 1, 0],
    ["no life", 0, 0],
  ])("%s", (_, ms, expected) => {
    expect(renewalAfter(now, now + ms) - now).toBe(expected);
  });

  test("is over for credentials that have ended", () => {
    expect(renewalAfter(now, now - 60_000)).toBeLessThan(now);
  });
});
