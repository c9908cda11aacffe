import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { roleOf } from "../harness/config.ts";
import { type Given, useRenewals } from "../harness/renewal-scene.ts";
import { bodyOf, publicUrl } from "../harness/token-scene.ts";

const { bench, given, tokenFor } = useRenewals();
const github = () => bench().world.github;
const otherKey = "canary-of-another-signing-key-of-more-than-32-characters";

describe("a token that this broker has not signed for a renewal is none, and costs no call:", () => {
  const forged: Record<string, (made: Given) => string | Promise<string>> = {
    "another broker's, of the same words": (made) => tokenFor(made, {}, otherKey),
    "an opened ticket": async ({ client }) => (await client.challenge()).ticket,
    "a challenge": async ({ client }) => (await client.challenge()).challenge,
    "a ticket dressed as one": async ({ client }) =>
      `r1.${(await client.challenge()).ticket.split(".").slice(-2).join(".")}`,
    "one of another version": ({ first }) => first.RenewalToken.replace("r1.", "r2."),
    "one without a signature": ({ first }) => first.RenewalToken.replace(/[^.]+$/, ""),
    "one that is signed twice": ({ first }) => `${first.RenewalToken}.${first.RenewalToken}`,
    "one with the signature of another": ({ first }) =>
      `r1.${first.RenewalToken.split(".")[1]}.AAAAAAAAAAAAAAAAAAAAAA`,
    "one whose role was changed": (made) => changed(made, roleOf("long"), roleOf("admin")),
    "one whose job was changed": (made) => changed(made, `"jobId":`, `"jobId":1`),
    "one whose key was changed": (made) => changed(made, `"age1`, `"age1q`),
    "one whose beginning was changed": (made) => changed(made, `"since":1`, `"since":2`),
    "a text": () => "renew me",
    "a token of GitHub's": ({ client }) => client.token(publicUrl),
    "a token without a signature": ({ first }) =>
      first.RenewalToken.split(".").slice(0, 2).join("."),
    "8 KB of it": () => `r1.${"A".repeat(8_000)}.AAAAAAAAAAAAAAAAAAAAAA`,
  };
  test.for(Object.entries(forged))("%s (R-05)", async ([, make]) => {
    const made = await given();
    const token = await make(made);
    expect(token).not.toBe(made.first.RenewalToken);
    await bench().check();
    github().clearJournal();
    await bench().expectDenied(await made.client.renew(token), "renewal_invalid");
    expect(bench().asked).toEqual([]);
  });

  test("a renewal token is no ticket, whole or in part (R-05)", async () => {
    const { client, first } = await given();
    for (const ticket of [
      first.RenewalToken.slice(0, 512),
      first.RenewalToken.replace("r1", "c1").slice(0, 512),
    ])
      await bench().expectDenied(await client.ask({ ticket }), "challenge_invalid");
  });

  test("none at all, or one that is too long, is an error of the request (R-05)", async () => {
    const { client } = await given();
    for (const token of ["", "x".repeat(8_193)])
      await bench().expectDenied(await client.renew(token), "invalid_request");
  });

  test("a token with any one character changed (R-05)", async () => {
    const { client, first } = await given();
    const token = first.RenewalToken;
    const character = fc.constantFrom(...Array.from("AZaz09-_.=+/ \n\0é\u2028"));
    const codes = new Set<unknown>();
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), character, async (at, other) => {
        fc.pre(other !== token[at]);
        const reply = await client.renew(token.slice(0, at) + other + token.slice(at + 1));
        codes.add(`${reply.status} ${bodyOf(reply).code}`);
      }),
      { numRuns: 150 },
    );
    expect(codes).toEqual(new Set(["403 renewal_invalid"]));
    expect([bench().world.sts.journal, bench().asked]).toEqual([[], []]);
  });
});

function changed({ first }: Given, from: string, to: string): string {
  const [version, payload = "", signature] = first.RenewalToken.split(".");
  const read = Buffer.from(payload, "base64url").toString();
  expect(read).toContain(from);
  const written = Buffer.from(read.replace(from, to)).toString("base64url");
  return `${version}.${written}.${signature}`;
}
