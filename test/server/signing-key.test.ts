import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Secret } from "../../src/core/secret.ts";
import { SigningKey, SigningKeys } from "../../src/server/signing-key.ts";

const master = "a signing key of 32 characters at least";
const key = new SigningKey(new Secret(master));
const signature = key.sign("ticket", "message");

test("a signature holds for its message and purpose, at every instance that has the key", () => {
  expect(signature).toMatch(/^[\w-]{22}$/);
  expect(new SigningKey(new Secret(master)).verify("ticket", "message", signature)).toBe(true);
});

describe("R-05: it does not hold", () => {
  test.each([
    ["for another message", key.verify("ticket", "message ", signature)],
    ["for another purpose", key.verify("challenge", "message", signature)],
    [
      "with another key",
      new SigningKey(new Secret(`${master}!`)).verify("ticket", "message", signature),
    ],
    ["cut short", key.verify("ticket", "message", signature.slice(0, -1))],
    ["with more behind it", key.verify("ticket", "message", `${signature}A`)],
    ["padded", key.verify("ticket", "message", `${signature}==`)],
    ["empty", key.verify("ticket", "message", "")],
    [
      "in another case",
      key.verify(
        "ticket",
        "message",
        signature.toLowerCase() === signature ? signature.toUpperCase() : signature.toLowerCase(),
      ),
    ],
    ["of letters that take more bytes", key.verify("ticket", "message", "é".repeat(22))],
  ])("%s", (_, verified) => {
    expect(verified).toBe(false);
  });
});

test("the key itself signs nothing: each purpose has one of its own", () => {
  const plain = createHmac("sha256", master)
    .update("message")
    .digest()
    .subarray(0, 16)
    .toString("base64url");
  expect(new Set([plain, signature, key.sign("challenge", "message")]).size).toBe(3);
});

test("R-05: beside the key before it, a key signs alone, and what either has signed holds for its purpose", () => {
  const [previous, stranger] = [`${master}, as it was`, `${master}, of others`].map(
    (text) => new SigningKey(new Secret(text)),
  ) as [SigningKey, SigningKey];
  const both = new SigningKeys(key, previous);
  expect(both.sign("ticket", "message")).toBe(signature);
  for (const signer of [key, previous]) {
    const signed = signer.sign("ticket", "message");
    expect(both.verify("ticket", "message", signed)).toBe(true);
    expect(both.verify("renewal", "message", signed)).toBe(false);
    expect(both.verify("ticket", "another", signed)).toBe(false);
  }
  expect(both.verify("ticket", "message", stranger.sign("ticket", "message"))).toBe(false);
});
