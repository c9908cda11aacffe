import { sign } from "node:crypto";
import { brotliCompressSync, deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { useTokens } from "../harness/token-scene.ts";

const { bench, tokenOf, show, expectNotAccepted } = useTokens();

/** A token whose parts before the signature are these bytes, signed by the issuer. */
function signed(header: object, payload: string | Buffer): string {
  const parts = [JSON.stringify({ typ: "JWT", alg: "RS256", ...header }), payload];
  const input = parts.map((part) => Buffer.from(part).toString("base64url")).join(".");
  const { kid, privateKey } = bench().world.issuer.keys.at(-1) ?? expect.unreachable();
  expect(kid).toBe("simulated-key-1");
  return `${input}.${sign("RSA-SHA256", Buffer.from(input), privateKey).toString("base64url")}`;
}

const kid = { kid: "simulated-key-1" };
const encoded = (text: string): string => Buffer.from(text).toString("base64url");
const claimsOf = (token: string): Buffer => Buffer.from(String(token.split(".")[1]), "base64url");

describe("what is not a signed token in its one compact form is not accepted:", () => {
  const shapes: Record<string, (token: string) => string> = {
    "a word": () => "token",
    "two parts": (token) => token.split(".").slice(0, 2).join("."),
    "four parts": (token) => `${token}.AAAA`,
    "five parts, as an encrypted one has": (token) => `${token}.AAAA.AAAA`,
    "an encrypted one": (token) =>
      [encoded('{"alg":"RSA-OAEP","enc":"A256GCM"}'), ...token.split("."), "AAAA"].join("."),
    "dots alone": () => "..",
    "a blank before it": (token) => ` ${token}`,
    "a line end behind it": (token) => `${token}\n`,
    "its kind before it": (token) => `Bearer ${token}`,
    padding: (token) => token.replaceAll(".", "=.").concat("="),
    "the other alphabet of base64": (token) => token.replaceAll(/[-_]/g, "+").concat("+"),
    "another spelling of the same signature": (token) => otherSpelling(token),
    "the JSON form": (token) => {
      const [header, payload, signature] = token.split(".");
      return JSON.stringify({ protected: header, payload, signature });
    },
    "a header that is not JSON": (token) => token.replace(/^[^.]+/, "AAAA"),
    "a header that is null": (token) => token.replace(/^[^.]+/, encoded("null")),
    "a header that goes 6,000 deep": (token) =>
      token.replace(/^[^.]+/, encoded(`{"alg":${"[".repeat(6_000)}`)).slice(0, 8_192),
    "claims that go 2,900 deep": () =>
      signed(kid, `{"aud":${"[".repeat(2_900)}${"]".repeat(2_900)}}`),
    "claims that go 5,000 deep and do not end": () => signed(kid, `{"aud":${"[".repeat(5_000)}`),
    "claims that are no object": () => signed(kid, '"claims"'),
    "claims that are a list": (token) => signed(kid, `[${String(claimsOf(token))}]`),
    "claims that are not UTF-8": () => signed(kid, Buffer.from([0xff, 0xfe, 0x7b])),
    "claims that are packed": (token) =>
      signed({ ...kid, zip: "DEF" }, deflateRawSync(claimsOf(token))),
    "claims that are packed to a bomb": () =>
      signed({ ...kid, zip: "DEF" }, deflateRawSync(Buffer.alloc(3_000_000, " "))),
    "claims that are packed in another way": (token) =>
      signed({ ...kid, zip: "BR" }, brotliCompressSync(claimsOf(token))),
  };
  test.for(Object.entries(shapes))("%s (O-13)", async ([, shape]) => {
    const client = await bench().client();
    const text = shape(tokenOf(client));
    await expectNotAccepted(await show(client, text));
  });
});

test.for<[string, unknown]>([
  ["an empty text", ""],
  ["a list of tokens (H-07)", ["x"]],
  ["an object", { value: "x" }],
  ["null", null],
])("%s in place of a token is an error of the request (O-13)", async ([, oidc_token]) => {
  const client = await bench().client();
  await bench().expectDenied(await show(client, "", { oidc_token }), "invalid_request");
});

describe("a token that is longer than any is not even looked at:", () => {
  const sizes: [what: string, length: number, code: string, status: number][] = [
    ["of 8 KiB and a byte", 8_193, "invalid_request", 400],
    ["of 30 KiB", 30_000, "invalid_request", 400],
    ["of 40 KB", 40_000, "too_large", 413],
  ];
  test.for(sizes)("one %s (O-13)", async ([, length, code, status]) => {
    const client = await bench().client();
    const [header, claims, signature] = tokenOf(client).split(".");
    const long = `${header}.${claims}${"A".repeat(length)}`.slice(0, length - 343);
    const reply = await show(client, `${long}.${signature}`);
    expect([reply.status, reply.json]).toMatchObject([status, { code }]);
    expect([bench().world.sts.journal, bench().asked]).toEqual([[], []]);
  });

  test("one of 8 KiB is, and a right one as long is served (O-13)", async () => {
    const client = await bench().client();
    const padding = 8_192 - tokenOf(client, { padding: "" }).length;
    const token = tokenOf(client, { padding: "x".repeat(Math.floor((padding * 3) / 4)) });
    expect(8_192 - token.length).toBeLessThan(3);
    await client.credentialsIn(await show(client, token));
  });
});

/** The last character of 256 bytes in base64url has bits that count for nothing. */
function otherSpelling(token: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet.indexOf(token.at(-1) ?? "");
  const other = token.slice(0, -1) + String(alphabet[last ^ 1]);
  const bytes = (text: string): Buffer => Buffer.from(String(text.split(".")[2]), "base64url");
  expect(bytes(other)).toEqual(bytes(token));
  return other;
}
