import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseProofLine, parsePubkeyLine } from "../../../src/core/announcement.ts";
import { logItems } from "../../../src/core/proof.ts";
import { Secret } from "../../../src/core/secret.ts";
import { Redaction } from "../../../src/server/record/redaction.ts";

const key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
const proof = `ACTIONS2AWS PROOF: ${key} c1.tix4jg.3mfrJ0zJ5Cq2Vwqj.Xk6hV1m0Tq7Wb2cP9sYzQA`;
const stamp = "2026-01-01T00:00:00.1234567Z ";
const red = "\u001b[31m";
const plain = "\u001b[0m";

/** Made up, and put together here so that no scanner takes them for real. */
const made = {
  ghp: `ghp_${"a1B2".repeat(9)}`,
  ghs: `ghs_${"Zz09".repeat(9)}`,
  pat: `github_pat_${"11ABCDEFG0".repeat(8)}`,
  keyId: `AKIA${"ABCD2345".repeat(2)}`,
  sessionKeyId: `ASIA${"WXYZ6789".repeat(2)}`,
  awsSecret: `wJalrXUtnFEMI/K7MDENG/bPxRfiCY${"Ab3+C".repeat(2)}`,
  awsSession: `IQoJb3JpZ2lu${"Xy9/".repeat(40)}==`,
  jwt: ["eyJhbGciOiJSUzI1NiJ9", "eyJzdWIiOiJ4In0", "c2ln".repeat(10)].join("."),
  age: `AGE-SECRET-KEY-1${"QPZRY9X8GF2TVDW0S3JN".repeat(3)}`,
  sas: `https://store.blob.core.windows.net/logs/1.txt?se=2026-01-01&sig=${"Ab%2B".repeat(8)}&sp=r`,
  slack: `xoxb-${"1234567890-".repeat(3)}abc`,
};

function redact(line: string, known: string[] = []) {
  const redaction = new Redaction(
    known.map((text) => ({ what: "known", secret: new Secret(text) })),
  );
  const text = redaction.log(line, "x.log");
  return { text, removed: redaction.removed.map(({ what }) => what) };
}

describe("what is taken out", () => {
  test.each<[line: string, text: string]>([
    [`token: ${made.ghp}`, "token: [removed: GitHub token]"],
    [`${made.ghs} and ${made.pat}.`, "[removed: GitHub token] and [removed: GitHub token]."],
    [`${red}${made.ghp}${plain}`, `${red}[removed: GitHub token]${plain}`],
    [`key ${made.keyId}`, "key [removed: AWS access key id]"],
    [
      `export AWS_SECRET_ACCESS_KEY='${made.awsSecret}';`,
      "export AWS_SECRET_ACCESS_KEY='[removed: AWS secret access key]';",
    ],
    [
      `aws_secret_access_key = ${made.awsSecret}`,
      "aws_secret_access_key = [removed: AWS secret access key]",
    ],
    [
      `{\\"SecretAccessKey\\": \\"${made.awsSecret}\\"}`,
      '{\\"SecretAccessKey\\": \\"[removed: AWS secret access key]\\"}',
    ],
    [
      `${made.sessionKeyId},${made.awsSecret}`,
      "[removed: AWS access key id],[removed: AWS secret access key]",
    ],
    [`AWS_SESSION_TOKEN=${made.awsSession}`, "AWS_SESSION_TOKEN=[removed: AWS session token]"],
    [`x ${made.awsSession} y`, "x [removed: AWS session token] y"],
    [
      `X-Amz-Security-Token: ${"q".repeat(50)}`,
      "X-Amz-Security-Token: [removed: AWS session token]",
    ],
    [`jwt ${made.jwt}`, "jwt [removed: JWT]"],
    [made.age, "[removed: age secret key]"],
    [made.age.toLowerCase(), "[removed: age secret key]"],
    ["> Authorization: Bearer abc", "> Authorization: [removed: authorization header]"],
    [
      "curl -H 'Authorization: token abc' https://x.test",
      "curl -H 'Authorization: [removed: authorization header]' https://x.test",
    ],
    [
      `"authorization": "Basic ${"QWxhZGRpbg".repeat(3)}"`,
      '"authorization": "[removed: authorization header]"',
    ],
    [
      `Authorization: AWS4-HMAC-SHA256 Credential=${made.keyId}/20260101, Signature=abc`,
      "Authorization: [removed: authorization header]",
    ],
    ["Cookie: logged_in=yes; user_session=abcdefgh", "Cookie: [removed: cookie]"],
    ["Set-Cookie: _gh_sess=abc; path=/", "Set-Cookie: [removed: cookie]"],
    ["user_session=abcdefghijk; x", "user_session=[removed: GitHub session]; x"],
    ["https://me:hunter2@host.test/x", "https://me:[removed: password in a URL]@host.test/x"],
    [made.sas, made.sas.replace(/(?<=sig=)[^&]+/, "[removed: signature of a URL]")],
    [
      "https://b.s3.amazonaws.com/x?X-Amz-Credential=a&X-Amz-Signature=b",
      "https://b.s3.amazonaws.com/x?X-Amz-Credential=[removed: signature of a URL]&X-Amz-Signature=[removed: signature of a URL]",
    ],
    [made.slack, "[removed: token of another service]"],
    [
      "-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----\\n",
      "-----BEGIN PRIVATE KEY-----[removed: private key]-----END PRIVATE KEY-----\\n",
    ],
    [
      "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXktdjEAAAAA...",
      "-----BEGIN OPENSSH PRIVATE KEY-----[removed: private key]",
    ],
  ])("%s", (line, text) => {
    const result = redact(line);
    expect(result.text).toBe(text);
    expect(result.removed.length).toBeGreaterThan(0);
    expect(redact(text)).toEqual({ text, removed: [] });
    expect(redact(`\uFEFF${stamp}${line}\r\n${stamp}x`).text).toBe(
      `\uFEFF${stamp}${text}\r\n${stamp}x`,
    );
  });

  test("the secrets that it is read with, however they are spelled", () => {
    const secret = "user+session/with=odd&characters";
    const spelled = [
      secret,
      encodeURIComponent(secret),
      ...["", "x", "xy", "xyz"].map((before) =>
        Buffer.from(`${before}${secret}${before}`).toString("base64"),
      ),
    ];
    for (const text of spelled) {
      const result = redact(`so: ${text}.`, [secret]);
      expect(result.removed).toEqual(["known"]);
      expect(result.text).toMatch(/^so: .{0,4}\[removed: known\].{0,8}\.$/);
    }
  });

  test("a private key over many lines, with the times before them and the colours around them", () => {
    const lines = [
      "-----BEGIN RSA PRIVATE KEY-----",
      "Proc-Type: 4,ENCRYPTED",
      "",
      `${red}${"MIIEpAIB".repeat(8)}${plain}`,
      "QmFzZTY0",
      "ab==",
      "-----END RSA PRIVATE KEY-----",
      "done",
    ];
    const { text, removed } = redact(lines.map((line) => stamp + line).join("\n"));
    expect(text.split("\n").map((line) => line.slice(stamp.length))).toEqual([
      "-----BEGIN RSA PRIVATE KEY-----",
      "[removed: private key]",
      "",
      `${red}[removed: private key]${plain}`,
      "[removed: private key]",
      "[removed: private key]",
      "-----END RSA PRIVATE KEY-----",
      "done",
    ]);
    expect(removed).toEqual(["private key"]);
  });

  test("a private key that stops in the midst, as when lines were lost", () => {
    const lines = ["-----BEGIN PRIVATE KEY-----", "MIIEpAIB", "Error: it broke.", "MIIEpAIB"];
    expect(redact(lines.join("\n")).text.split("\n")).toEqual([
      "-----BEGIN PRIVATE KEY-----",
      "[removed: private key]",
      "Error: it broke.",
      "MIIEpAIB",
    ]);
  });

  test("the secret that stands below its key id, and no hash elsewhere", () => {
    const lines = [made.awsSecret, made.keyId, "then", made.awsSecret, "x", made.awsSecret];
    expect(redact(lines.join("\n")).text.split("\n")).toEqual([
      made.awsSecret,
      "[removed: AWS access key id]",
      "then",
      "[removed: AWS secret access key]",
      "x",
      made.awsSecret,
    ]);
    const commit = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    expect(redact(`${made.keyId} ${commit}`).text).toContain(commit);
  });
});

describe("addresses", () => {
  test("of commits are replaced, each by one of its own, in any case and everywhere", () => {
    const redaction = new Redaction([]);
    redaction.hideAddresses(["Mona@corp.test.io", "o'brien@corp.io"]);
    const text =
      "mona@corp.test.io, MONA@CORP.TEST.IO; o'brien@corp.io; xmona@corp.test.io mona@corp.test.iot";
    expect(redaction.log(text, "1.log")).toBe(
      "person-1@example.com, person-1@example.com; person-2@example.com; xmona@corp.test.io mona@corp.test.iot",
    );
    expect(redaction.log("Author: Hub <hub@corp.io>\nhub@corp.io", "2.log")).toBe(
      "Author: Hub <person-3@example.com>\nperson-3@example.com",
    );
    expect(redaction.removed).toHaveLength(5);
  });

  test.each([
    "git@github.com:acme/app.git",
    "actions/checkout@v4",
    "<1+octocat@users.noreply.github.com>",
    "GitHub <noreply@github.com>",
    "Octocat <octocat@example.com>",
    "npm warn cookie@0.7.2",
  ])("%s stays", (text) => expect(redact(text)).toEqual({ text, removed: [] }));
});

describe("what stays, byte for byte", () => {
  test.each([
    proof,
    `ACTIONS2AWS PUBKEY: ${key}`,
    `  ${proof}`,
    `${red}${proof}${plain}`,
    "Authorization: ***",
    "AUTHORIZATION: basic ***",
    'curl -H "Authorization: Bearer $TOKEN"',
    "token: ${{ secrets.GITHUB_TOKEN }}",
    "https://x-access-token:***@github.com/acme/app",
    "AWS_SECRET_ACCESS_KEY: ***",
    "aws_access_key_id AKIA",
    "-----BEGIN PUBLIC KEY-----",
    "-----BEGIN AGE ENCRYPTED FILE-----",
    "sha512-K2zYz8Lr1kGm8wWkq0w5j8m2sQdYJfLx0v5Q1R3bT6uV8wXyZaBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789==",
    "cookie, and nothing else; the session token is short",
    "\u0000\u001b[2K%1F\t\r",
    "arn:aws:sts::123456789012:assumed-role/app-deploy/a2a-1001-5001-1-7001",
  ])("%j", (text) => expect(redact(text)).toEqual({ text, removed: [] }));

  const pieces = fc.constantFrom(
    ...Object.values(made),
    proof,
    key,
    stamp,
    "\uFEFF",
    "\r",
    "\n",
    " ",
    red,
    plain,
    "***",
    "ACTIONS2AWS PROOF: ",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "Cookie: a=b",
    "x",
    "::group::",
  );

  test("no log reads as another one to a proof: as many items, at the same times, and the same announcements", () => {
    const announced = (text: string) =>
      Array.from(logItems(text), ({ text: item, time }) => ({
        time,
        lines: item.split("\n").length,
        proof: parseProofLine(item),
        key: parsePubkeyLine(item),
      }));
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        const text = parts.join("");
        const { text: after } = redact(text);
        expect(announced(after)).toEqual(announced(text));
      }),
      { numRuns: 500 },
    );
  });

  test("no secret of the table comes through, but in what is an announcement", () => {
    const secrets = [made.ghp, made.ghs, made.pat, made.jwt, made.age, made.awsSession];
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 10 }),
        fc.constantFrom(...secrets),
        (parts, secret) => {
          const { text } = redact(`${parts.join("")} ${secret} ${parts.join("")}`);
          // Line by line, as it is redacted: an announcement's line stays, whatever stands above it.
          const others = text
            .split("\n")
            .flatMap((line) => Array.from(logItems(stamp + line), ({ text: item }) => item))
            .filter((item) => parseProofLine(item) === null);
          expect(others.join("\n")).not.toContain(secret);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("nothing takes long, however it is made", () => {
    const began = performance.now();
    for (const part of [
      "a",
      "eyJ",
      "authorization:",
      "=",
      "http://a:",
      "AKIA",
      "<a@",
      "-----BEGIN ",
      "\u001b[1m",
      "cookie: a",
    ])
      redact(part.repeat(200_000 / part.length));
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

test("items of a feed stay items, and members of JSON keep their names", () => {
  const redaction = new Redaction([]);
  const items = [
    { id: 1, line: `a\n${made.ghp}\nb` },
    { id: 2, line: proof },
  ];
  expect(redaction.feed(items, "2.live")).toEqual([
    { id: 1, line: "a\n[removed: GitHub token]\nb" },
    { id: 2, line: proof },
  ]);
  const json = {
    id: 7,
    temp_clone_token: "x",
    head_commit: { message: `a ${made.jwt}` },
    list: [made.ghp],
    none: null,
  };
  expect(redaction.json(json, "run.json")).toEqual({
    id: 7,
    temp_clone_token: "[removed: secret member]",
    head_commit: { message: "a [removed: JWT]" },
    list: ["[removed: GitHub token]"],
    none: null,
  });
  expect(redaction.removed.map(({ place }) => place)).toEqual([
    "2.live:1",
    "run.json temp_clone_token",
    "run.json head_commit.message",
    "run.json list[0]",
  ]);
  expect(JSON.stringify(redaction.removed)).not.toMatch(/ghp_|eyJ/);
});
