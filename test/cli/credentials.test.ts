import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkCredentials } from "../../src/cli/credentials.ts";
import { hostile } from "../harness/hostile.ts";
import { goodCredentials } from "../harness/scripted-broker.ts";

const now = Date.now();

function check(change: Record<string, unknown>) {
  return checkCredentials(JSON.stringify({ ...goodCredentials, ...change }), now);
}

test("good ones are taken as they are", () => {
  const credentials = check({});
  expect(credentials.accessKeyId.reveal()).toBe(goodCredentials.AccessKeyId);
  expect(credentials.secretAccessKey.reveal()).toBe(goodCredentials.SecretAccessKey);
  expect(credentials.sessionToken.reveal()).toBe(goodCredentials.SessionToken);
  expect(credentials.renewalToken?.reveal()).toBe(goodCredentials.RenewalToken);
  expect(credentials.expiration).toBe(goodCredentials.Expiration);
});

test("a renewal token may be missing", () => {
  expect(check({ RenewalToken: undefined }).renewalToken).toBeNull();
});

test("they do not show themselves", () => {
  const shown = JSON.stringify(check({}));
  for (const secret of [
    goodCredentials.AccessKeyId,
    goodCredentials.SecretAccessKey,
    goodCredentials.SessionToken,
  ]) {
    expect(shown).not.toContain(secret);
  }
});

const fields = [
  "AccessKeyId",
  "SecretAccessKey",
  "SessionToken",
  "Expiration",
  "RenewalToken",
] as const;

describe.each(fields)("%s", (field) => {
  const good = goodCredentials[field];

  test.each(hostile)("with %j in it", (text) => {
    for (const value of [text + good, good.slice(0, 8) + text + good.slice(8), good + text]) {
      expect(() => check({ [field]: value })).toThrow(new RegExp(`not used: ${field}`));
    }
  });

  test.each([null, 7, true, [good], { toString: good }, "", "A".repeat(20_000)])(
    "of a wrong kind: %j",
    (value) => {
      expect(() => check({ [field]: value })).toThrow("not used");
    },
  );
});

test.each([
  [new Date(now - 1).toISOString(), "expired"],
  ["2020-01-01T00:00:00Z", "expired"],
  ["2999-13-01T00:00:00Z", "not a date"],
  ["2999-01-01", "not as AWS"],
  ["32503680000", "not as AWS"],
  ["Tue, 01 Jan 2999 00:00:00 GMT", "not as AWS"],
])("an expiration of %s", (expiration, why) => {
  expect(() => check({ Expiration: expiration })).toThrow(why);
});

test.each(["2999-01-01T00:00:00Z", "2999-01-01T00:00:00.123Z", "2999-01-01T00:00:00+00:00"])(
  "%s is a date",
  (expiration) => {
    expect(check({ Expiration: expiration }).expiration).toBe(expiration);
  },
);

test.each(["", "null", "[]", "7", "{", `${JSON.stringify(goodCredentials)}x`])(
  "%j is no answer, and is not quoted",
  (text) => {
    expect(() => checkCredentials(text, now)).toThrow("not used");
    expect(() => checkCredentials(text, now)).not.toThrow(goodCredentials.SecretAccessKey);
  },
);

test("whatever comes through is plain", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...fields),
      fc.string({ unit: "binary", maxLength: 40 }),
      (field, text) => {
        try {
          const taken = check({ [field]: text });
          expect(taken.accessKeyId.reveal()).toMatch(/^[A-Z0-9]+$/);
          expect(taken.secretAccessKey.reveal()).toMatch(/^[A-Za-z0-9/+=]+$/);
          expect(taken.sessionToken.reveal()).toMatch(/^[A-Za-z0-9/+=]+$/);
          expect(taken.expiration).toMatch(/^[0-9TZ:.+-]+$/);
        } catch (error) {
          expect(String(error)).toContain("not used");
        }
      },
    ),
  );
});
