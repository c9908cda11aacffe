import {
  armor,
  Decrypter,
  Encrypter,
  generateX25519Identity,
  identityToRecipient,
} from "age-encryption";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { open, seal, UnsealError } from "../../src/core/seal.ts";

const identity = await generateX25519Identity();
const recipient = await identityToRecipient(identity);
const other = await identityToRecipient(await generateX25519Identity());
const text = '{"AccessKeyId":"ASIAEXAMPLE"}';

/** An age file by age-encryption's own hand. */
async function foreignFile(setUp: (encrypter: Encrypter) => void): Promise<string> {
  const encrypter = new Encrypter();
  setUp(encrypter);
  return armor.encode(await encrypter.encrypt(text));
}

test("what is sealed is an armored age file that age-encryption itself opens", async () => {
  const file = await seal(recipient, text);
  expect(file).toMatch(
    /^-----BEGIN AGE ENCRYPTED FILE-----\n[\s\S]*\n-----END AGE ENCRYPTED FILE-----\n$/,
  );
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  expect(await decrypter.decrypt(armor.decode(file), "text")).toBe(text);
});

test("what age-encryption has sealed is opened", async () => {
  const file = await foreignFile((encrypter) => encrypter.addRecipient(recipient));
  expect(await open(identity, file)).toBe(text);
});

test("any text comes back as it was", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme" }), async (value) => {
      expect(await open(identity, await seal(recipient, value))).toBe(value);
    }),
    { numRuns: 20 },
  );
});

test("a text of many chunks comes back as it was, though its characters lie across their ends", async () => {
  const long = `a${"é".repeat(70_000)}`;
  expect(await open(identity, await seal(recipient, long))).toBe(long);
});

test("what cannot be opened says so, and keeps why for whoever looks for it", async () => {
  await expect(open(identity, await seal(other, text))).rejects.toMatchObject({
    name: "UnsealError",
    message: "the age file cannot be opened with this identity",
    cause: expect.any(Error),
  });
});

test("bytes that are no text are refused, not replaced", async () => {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  const file = armor.encode(await encrypter.encrypt(Uint8Array.of(0x7b, 0xff, 0x7d)));
  await expect(open(identity, file)).rejects.toThrow(UnsealError);
});

test("what stands behind the header is not taken for a part of it", async () => {
  const file = Buffer.from(armor.decode(await seal(recipient, text))).toString("latin1");
  const spoilt = file.replace(/(\n--- [^\n]+\n)/, "$1\n-> X25519 x\n");
  expect(spoilt).not.toBe(file);
  await expect(open(identity, armor.encode(Buffer.from(spoilt, "latin1")))).rejects.toThrow(
    "cannot be opened",
  );
});

describe("C-14: what is not one file for one X25519 recipient is refused", () => {
  test.each<[string, () => Promise<string>]>([
    ["sealed to another key", () => seal(other, text)],
    [
      "for two recipients",
      () =>
        foreignFile((encrypter) => {
          encrypter.addRecipient(recipient);
          encrypter.addRecipient(other);
        }),
    ],
    [
      "twice for the same",
      () =>
        foreignFile((encrypter) => {
          encrypter.addRecipient(recipient);
          encrypter.addRecipient(recipient);
        }),
    ],
    ["nothing", () => Promise.resolve("")],
    ["no age file", () => Promise.resolve("<html></html>")],
    [
      "without armor",
      async () => Buffer.from(armor.decode(await seal(recipient, text))).toString("latin1"),
    ],
    ["with text behind the armor", async () => `${await seal(recipient, text)}x`],
    [
      "two files in a row",
      async () => (await seal(recipient, text)) + (await seal(recipient, text)),
    ],
  ])("%s", async (_, make) => {
    await expect(open(identity, await make())).rejects.toThrow(UnsealError);
  });

  test("with a passphrase, before its work factor is worked off", async () => {
    const file = await foreignFile((encrypter) => {
      encrypter.setScryptWorkFactor(10);
      encrypter.setPassphrase("secret");
    });
    // A work factor of 2^30 would take minutes and gigabytes.
    const costly = Buffer.from(armor.decode(file))
      .toString("latin1")
      .replace(/(-> scrypt \S+) 10\n/, "$1 30\n");
    const started = performance.now();
    await expect(open(identity, armor.encode(Buffer.from(costly, "latin1")))).rejects.toThrow(
      "must be for one X25519 recipient",
    );
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test("cut short or changed at any byte", async () => {
    const bytes = armor.decode(await seal(recipient, text));
    for (let at = 0; at < bytes.length; at += 7) {
      const changed = bytes.with(at, (bytes[at] ?? 0) ^ 1);
      await expect(open(identity, armor.encode(changed))).rejects.toThrow(UnsealError);
      await expect(open(identity, armor.encode(bytes.slice(0, at)))).rejects.toThrow(UnsealError);
    }
  });
});
