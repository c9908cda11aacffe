import { bech32, bech32m } from "@scure/base";
import {
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from "age-encryption";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodePublicKey,
  parsePublicKey,
  publicKeyBytes,
  publicKeyShape,
} from "../../src/core/recipient.ts";

/** The recipients of age's own documentation and test vectors (C2SP/CCTV). */
const foreign = [
  "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
  "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef",
  "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z",
];
const [golden = ""] = foreign;
const bech = (prefix: string, bytes: Uint8Array): string =>
  bech32.encode(prefix, bech32.toWords(bytes), false);
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

describe("age's own recipients are taken", () => {
  test.each(foreign)("%s", (text) => {
    expect(parsePublicKey(text)).toBe(text);
  });

  test("the identity of age's test vectors has the recipient that is taken", async () => {
    const identity = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";
    expect(parsePublicKey(await identityToRecipient(identity))).toBe(foreign[1]);
  });

  test("and each one that its generator makes", async () => {
    for (let count = 0; count < 50; count++) {
      const text = await identityToRecipient(await generateX25519Identity());
      expect(parsePublicKey(text)).toBe(text);
    }
  });
});

/** Points of low order: RFC 7748 section 6.1, and the list that libsodium refuses. */
const lowOrder = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
];

describe("L-24: what is not one canonical X25519 recipient is none", () => {
  test.each(lowOrder)("the low-order point %s", (hex) => {
    expect(parsePublicKey(bech("age", bytesOf(hex)))).toBeNull();
  });

  test("the alias of a key with its high bit set", () => {
    const bytes = publicKeyBytes(golden) ?? new Uint8Array();
    const alias = bytes.with(31, (bytes[31] ?? 0) | 0x80);
    expect(parsePublicKey(bech("age", bytes))).toBe(golden);
    expect(parsePublicKey(bech("age", alias))).toBeNull();
  });

  test.each([2, 9, 18])("the alias of the point %d above the field's prime", (point) => {
    const alias = `${(0xed + point).toString(16)}${"ff".repeat(30)}7f`;
    expect(parsePublicKey(bech("age", bytesOf(alias)))).toBeNull();
    const small = bech("age", new Uint8Array(32).with(0, point));
    expect(parsePublicKey(small)).toBe(small);
  });

  const bytes = publicKeyBytes(golden) ?? new Uint8Array();
  test.each([
    ["upper case", golden.toUpperCase()],
    ["mixed case", golden.replace("ql3z", "QL3Z")],
    ["a capital at the end", `${golden.slice(0, -1)}P`],
    ["a wrong checksum", `${golden.slice(0, -1)}q`],
    ["another prefix", bech("agf", bytes)],
    ["a plugin's recipient", bech("age1yubikey", bytes)],
    ["an identity", bech("age-secret-key-", bytes).toUpperCase()],
    ["31 bytes", bech("age", bytes.slice(1))],
    ["33 bytes", bech("age", Uint8Array.of(...bytes, 0))],
    ["the other checksum, bech32m", bech32m.encode("age", bech32m.toWords(bytes))],
    ["a space behind it", `${golden} `],
    ["a newline behind it", `${golden}\n`],
    ["something before it", `x${golden}`],
    ["no text", ""],
    ["an SSH key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"],
  ])("%s", (_, text) => {
    expect(parsePublicKey(text)).toBeNull();
  });

  test("a post-quantum recipient", async () => {
    const text = await identityToRecipient(await generateHybridIdentity());
    expect(text).toMatch(/^age1pq1/);
    expect(parsePublicKey(text)).toBeNull();
  });
});

test("the shape, which the API's description shows, is of the whole text", () => {
  expect(golden).toMatch(publicKeyShape);
  for (const text of [`x${golden}`, `${golden}x`, `${golden}\n`, golden.slice(1)])
    expect(text).not.toMatch(publicKeyShape);
});

test("each 32 bytes with a clear high bit have one spelling, and read back from it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (random) => {
      const bytes = random.with(31, (random[31] ?? 0) & 0x7f).with(5, 7);
      const text = encodePublicKey(bytes);
      expect(parsePublicKey(text)).toBe(text);
      expect(publicKeyBytes(text)).toEqual(bytes);
    }),
  );
});

test("no single character of a recipient can be changed, added or left out", () => {
  const character = fc.constantFrom(...Array.from("qpzry9x8gf2tvdw0s3jn54khce6mua7l1bioABC \n"));
  fc.assert(
    fc.property(
      fc.nat({ max: golden.length }),
      fc.nat({ max: 1 }),
      fc.option(character),
      (at, length, text) => {
        const changed = golden.slice(0, at) + (text ?? "") + golden.slice(at + length);
        fc.pre(changed !== golden);
        expect(parsePublicKey(changed)).toBeNull();
      },
    ),
    { numRuns: 1_000 },
  );
});
