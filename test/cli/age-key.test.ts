import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { expect, test } from "vitest";
import { generateAgeKey, identityFileText, parseIdentityFile } from "../../src/cli/age-key.ts";
import { open, seal } from "../../src/core/seal.ts";
import { parsePublicKey } from "../../src/core/recipient.ts";

/** From the man page of age-keygen and age's own test vectors. */
const fromAgeKeygen = `# created: 2021-01-02T15:30:45+01:00
# public key: age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z
AGE-SECRET-KEY-1N9JEPW6DWJ0ZQUDX63F5A03GX8QUW7PXDE39N8UYF82VZ9PC8UFS3M7XA9
`;

test("age's own library agrees on the public half of what we make", async () => {
  for (let n = 0; n < 20; n++) {
    const key = generateAgeKey();
    expect(await identityToRecipient(key.identity.reveal())).toBe(key.publicKey);
    expect(parsePublicKey(key.publicKey)).toBe(key.publicKey);
  }
});

test("what is sealed to our key opens with it", async () => {
  const key = generateAgeKey();
  expect(await open(key.identity.reveal(), await seal(key.publicKey, "hello"))).toBe("hello");
});

test("we agree with age's library on the public half of what it makes", async () => {
  const identity = await generateX25519Identity();
  expect(parseIdentityFile(identity)?.publicKey).toBe(await identityToRecipient(identity));
});

test("a file of age-keygen, with its comments", () => {
  expect(parseIdentityFile(fromAgeKeygen)?.publicKey).toBe(
    "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z",
  );
});

test("our own file has age-keygen's form and reads back", () => {
  const key = generateAgeKey();
  const text = identityFileText(key, Date.UTC(2026, 10, 23, 6, 7, 8, 9));
  expect(text).toBe(
    `# created: 2026-11-23T06:07:08Z\n# public key: ${key.publicKey}\n${key.identity.reveal()}\n`,
  );
  expect(parseIdentityFile(text)?.publicKey).toBe(key.publicKey);
});

const bare = "AGE-SECRET-KEY-1N9JEPW6DWJ0ZQUDX63F5A03GX8QUW7PXDE39N8UYF82VZ9PC8UFS3M7XA9";

test.each([
  ["the original's bare key", bare],
  ["a bare key with a line end", `${bare}\n`],
  ["line ends of Windows", `# created: x\r\n${bare}\r\n`],
  ["blank lines", `\n\n${bare}\n\n`],
])("%s", (_name, text) => {
  expect(parseIdentityFile(text)?.publicKey).toBe(
    "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z",
  );
});

test.each([
  ["nothing", ""],
  ["comments alone", "# created: x\n"],
  ["two keys", `${bare}\n${bare}\n`],
  ["a wrong checksum", bare.replace("N9JE", "N9JF")],
  ["lower case", bare.toLowerCase()],
  ["mixed case", bare.replace("XA9", "xa9")],
  ["a post-quantum key", bare.replace("KEY-1", "KEY-PQ-1")],
  ["a recipient", "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z"],
  ["a key cut off", bare.slice(0, -1)],
  ["something behind the key", `${bare} x`],
])("is refused: %s", (_name, text) => {
  expect(parseIdentityFile(text)).toBeNull();
});

test("a key does not show itself", () => {
  expect(JSON.stringify(generateAgeKey())).not.toContain("AGE-SECRET-KEY");
});
