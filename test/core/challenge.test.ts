import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ChallengeBinding, checkTicket, makeChallenge } from "../../src/core/challenge.ts";
import { Secret } from "../../src/core/secret.ts";
import { SigningKey } from "../../src/server/signing-key.ts";
import { character } from "./character.ts";
import { code, now, told } from "./golden.ts";

const signer = new SigningKey(new Secret("a signing key of 32 characters at least"));
const binding: ChallengeBinding = {
  serverUrl: "https://github.com",
  repository: "acme/app",
  runId: 5_001,
  runAttempt: 1,
  publicKey: "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef",
};
const minutes = 60_000;
const made = makeChallenge(signer, binding, now, "AbCdEfGhIjKlMnOp");
const check = (change: Partial<ChallengeBinding>, ticket = made.ticket, at = now): string =>
  checkTicket(signer, { ...binding, ...change }, ticket, at);

test("a ticket opens its challenge, for five minutes", () => {
  expect(check({})).toBe(made.challenge);
  expect(made.expiresAt).toBe(now + 5 * minutes);
  expect(check({}, made.ticket, made.expiresAt - 1)).toBe(made.challenge);
  expect(() => check({}, made.ticket, made.expiresAt)).toThrow(code("challenge_expired", told));
});

test("the challenge fits the announcement: one word, and short enough for one line of the log", () => {
  expect(made.challenge).toMatch(/^c1\.[0-9a-z]+\.[\w-]{16}\.[\w-]{22}$/);
  expect(made.challenge.length).toBeLessThan(200);
});

describe("L-15: a challenge is bound to", () => {
  const text = fc.string({ unit: character });
  const others: { [Field in keyof ChallengeBinding]: fc.Arbitrary<ChallengeBinding[Field]> } = {
    serverUrl: fc.oneof(text, fc.constantFrom("https://github.com/", "https://GitHub.com")),
    repository: fc.oneof(text, fc.constantFrom("acme/app2", "acme/ap", "evil/app")),
    runId: fc.oneof(fc.nat(), fc.constantFrom(5_002, 50_011)),
    runAttempt: fc.oneof(fc.nat(), fc.constant(2)),
    publicKey: fc.oneof(text, fc.constant(binding.publicKey.toUpperCase())),
  };

  test.each(Object.keys(others) as (keyof ChallengeBinding)[])("its %s", (field) => {
    fc.assert(
      fc.property(others[field], (value) => {
        fc.pre(value !== binding[field]);
        expect(() => check({ [field]: value })).toThrow(code("challenge_invalid"));
      }),
    );
  });

  test("its run and attempt, which do not run into each other", () => {
    expect(() => check({ runId: 500, runAttempt: 11 })).toThrow(code("challenge_invalid"));
  });

  test("G-15: its repository, in whatever case of A to Z", () => {
    expect(check({ repository: "ACME/App" })).toBe(made.challenge);
    expect(() => check({ repository: "acme/\u212App" })).toThrow(code("challenge_invalid"));
  });

  test("the instances that share its signing key", () => {
    const same = new SigningKey(new Secret("a signing key of 32 characters at least"));
    const other = new SigningKey(new Secret("another key of 32 characters at the least"));
    expect(checkTicket(same, binding, made.ticket, now)).toBe(made.challenge);
    expect(() => checkTicket(other, binding, made.ticket, now)).toThrow(code("challenge_invalid"));
  });
});

describe("what is no ticket", () => {
  test("L-15: the challenge, which anybody can read in the log, does not do for the ticket", () => {
    expect(() => check({}, made.challenge)).toThrow(code("challenge_invalid"));
    const [, , , signature = ""] = made.challenge.split(".");
    expect(() => check({}, `${made.challenge}.${signature}`)).toThrow(code("challenge_invalid"));
  });

  test("R-05: a signature for one purpose does not do for the other", () => {
    const [version, expiry, nonce] = made.ticket.split(".");
    const stem = `${version}.${expiry}.${nonce}`;
    const swapped = `${stem}.${signer.sign("ticket", stem)}.${signer.sign("challenge", stem)}`;
    expect(() => check({}, swapped)).toThrow(code("challenge_invalid"));
    expect(signer.sign("ticket", stem)).not.toBe(signer.sign("challenge", stem));
  });

  test("any character changed, added or left out", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: made.ticket.length }),
        fc.nat({ max: 1 }),
        fc.string({ unit: fc.constantFrom(...Array.from("abcXYZ019._-= \n\u212A")), maxLength: 2 }),
        (at, length, text) => {
          const ticket = made.ticket.slice(0, at) + text + made.ticket.slice(at + length);
          fc.pre(ticket !== made.ticket);
          expect(() => check({}, ticket)).toThrow(code("challenge_invalid"));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test.each(["", ".", "....", "c1....", "c2.a.b.c.d", `c1.${"a.".repeat(1_000)}`, "age1"])(
    "%.20j",
    (ticket) => {
      expect(() => check({}, ticket)).toThrow(code("challenge_invalid", told));
    },
  );

  test("one that is signed, but of another version", () => {
    const [, expiry = "", nonce = ""] = made.ticket.split(".");
    const { serverUrl, repository, runId, runAttempt, publicKey } = binding;
    const signed = (version: string): string => {
      const stem = `${version}.${expiry}.${nonce}`;
      const message = [stem, serverUrl, repository, runId, runAttempt, publicKey];
      const challenge = `${stem}.${signer.sign("challenge", JSON.stringify(message))}`;
      return `${challenge}.${signer.sign("ticket", challenge)}`;
    };
    expect(signed("c1")).toBe(made.ticket);
    expect(() => check({}, signed("c2"))).toThrow(code("challenge_invalid"));
  });
});

describe("F-09: clocks that jump", () => {
  test.each([
    [-minutes, true],
    [-minutes - 1_001, false],
    [-60 * minutes, false],
  ])("a ticket from a time %d ms from now: taken %j", (jump, taken) => {
    let refusal: unknown = null;
    try {
      check({}, made.ticket, now + jump);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toEqual(taken ? null : code("challenge_invalid"));
  });
});

test("two challenges for the same run and key differ by their nonce", () => {
  const other = makeChallenge(signer, binding, now, "ZyXwVuTsRqPoNmLk");
  expect(other.challenge).not.toBe(made.challenge);
  expect(other.ticket).not.toBe(made.ticket);
});
