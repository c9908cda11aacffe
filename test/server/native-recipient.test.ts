import { bech32 } from "@scure/base";
import { armor, Decrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parsePublicKey, type PublicKey } from "../../src/core/recipient.ts";
import { open, seal } from "../../src/core/seal.ts";
import { NativeRecipient } from "../../src/server/native-recipient.ts";

const identity = await generateX25519Identity();
const publicKey = parsePublicKey(await identityToRecipient(identity)) as PublicKey;

async function opened(file: string, by = identity): Promise<string> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(by);
  return decrypter.decrypt(armor.decode(file), "text");
}

test("what is sealed natively opens with age-encryption, whatever its size", async () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.nat({ max: 200_000 }).map((size) => "x".repeat(size)),
  );
  await fc.assert(
    fc.asyncProperty(text, async (value) => {
      const wellFormed = value.toWellFormed();
      const file = await seal(new NativeRecipient(publicKey), wellFormed);
      expect(await opened(file)).toBe(wellFormed);
      expect(await open(identity, file)).toBe(wellFormed);
    }),
    { numRuns: 30 },
  );
});

test.each([0, 1, 65_535, 65_536, 65_537, 131_072])(
  "at the edges of age's chunks: %d bytes",
  async (size) => {
    expect(await opened(await seal(new NativeRecipient(publicKey), "x".repeat(size)))).toBe(
      "x".repeat(size),
    );
  },
);

test("T4: it has one X25519 stanza, in the canonical form, and opens with no other key", async () => {
  const file = await seal(new NativeRecipient(publicKey), "x");
  const header = Buffer.from(armor.decode(file)).toString("latin1").split("\n---")[0] ?? "";
  expect(header).toMatch(
    /^age-encryption\.org\/v1\n-> X25519 [A-Za-z0-9+/]{43}\n[A-Za-z0-9+/]{43}$/,
  );
  await expect(opened(file, await generateX25519Identity())).rejects.toThrow(/no identity matched/);
});

test("no two seals of the same text are alike", async () => {
  const files = await Promise.all([1, 2, 3].map(() => seal(new NativeRecipient(publicKey), "x")));
  expect(new Set(files).size).toBe(3);
});

test("L-24: a key of low order is none", () => {
  const lowOrder = bech32.encode("age", bech32.toWords(new Uint8Array(32))) as string as PublicKey;
  expect(() => new NativeRecipient(lowOrder)).toThrow("not an age X25519 recipient");
});
