import fc from "fast-check";
import { expect, test } from "vitest";
import { accountOfKeyId, accountOfRole } from "../../src/cli/account.ts";
import { requestIn, role } from "./request-scene.ts";
import { answerWith, goodCredentials, scriptedBroker } from "../harness/scripted-broker.ts";
import { temporaryFolder } from "./test-host.ts";

/** Published by others, with the account that AWS names for them. */
const published = [
  // https://awsteele.com/blog/2020/09/26/aws-access-key-format.html
  ["ASIAY34FZKBOKMUTVV7A", "609629065308"],
  // https://medium.com/@TalBeerySec/a-short-note-on-aws-key-id-f88cc4317489
  ["ASIAQNZGKIQY56JQ7WML", "029608264753"],
] as const;

test.each(published)("the id %s is of the account %s", (id, account) => {
  expect(accountOfKeyId(id)).toBe(account);
});

test.each([
  "",
  "ASIAIOSFODNN7EXAMPLE",
  "ASIAY34FZKBOKMUTVV7",
  "asiay34fzkbokmutvv7a",
  "ASIAY34FZKBOKMUTVV71",
])("%j does not tell", (id) => expect(accountOfKeyId(id)).toBeNull());

test("any 40 bits come back", () => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  fc.assert(
    fc.property(fc.bigInt(0n, 10n ** 12n - 1n), fc.bigInt(0n, 2n ** 39n - 1n), (account, rest) => {
      const bits = (1n << 79n) | (account << 39n) | rest;
      const id = Array.from({ length: 16 }, (_, at) => {
        return alphabet[Number((bits >> BigInt(75 - 5 * at)) & 31n)];
      });
      expect(accountOfKeyId(`ASIA${id.join("")}`)).toBe(String(account).padStart(12, "0"));
    }),
  );
});

test("a role's account stands in its ARN", () => {
  expect(accountOfRole("arn:aws-us-gov:iam::123456789012:role/a/b")).toBe("123456789012");
});

async function expecting(AccessKeyId: string, env: Record<string, string> = {}) {
  const broker = await scriptedBroker({
    credentials: [answerWith({ ...goodCredentials, AccessKeyId })],
  });
  const flags = { expectAccount: "609629065308" };
  return requestIn(temporaryFolder(), broker, { flags, env });
}

test("--expect-account: credentials of that account are handed on", async () => {
  expect(await expecting("ASIAY34FZKBOKMUTVV7A")).toMatchObject({ code: 0 });
});

test.each([
  ["ASIAQNZGKIQY56JQ7WML", "are another account's"],
  ["ASIAIOSFODNN7EXAMPLE", "do not tell their account"],
])("--expect-account: credentials like %s are not (C-02)", async (id, why) => {
  const { code, message, out, err } = await expecting(id);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(message).toContain(why);
  expect(message).toContain("609629065308");
  expect(err).not.toContain(id);
});

test("--mask-account-id hides it before anything can show it", async () => {
  const broker = await scriptedBroker();
  const asked = await requestIn(temporaryFolder(), broker, { flags: { maskAccountId: true } });
  expect(asked.err.split("\n")[0]).toBe("::add-mask::609629065308");
  const env = { ACTIONS2AWS_MASK_ACCOUNT_ID: "true" };
  expect((await requestIn(temporaryFolder(), broker, { env })).err).toMatch(/^::add-mask::6096/);
  const outside = { ...env, GITHUB_ACTIONS: "" };
  expect((await requestIn(temporaryFolder(), broker, { env: outside })).err).not.toContain("mask");
  expect(role).toContain("609629065308");
});
