import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identityFileText, parseIdentityFile } from "../../../src/cli/age-key.ts";
import { BrokerClient } from "../../../src/cli/broker-client.ts";
import { CredentialCache } from "../../../src/cli/credential-cache.ts";
import {
  checkCredentials,
  type Credentials,
  credentialsText,
  parseCredentials,
} from "../../../src/cli/credentials.ts";
import { Failure } from "../../../src/cli/failure.ts";
import { open, seal, UnsealError } from "../../../src/core/seal.ts";
import { codes } from "../../../src/core/errors.ts";
import { key, now, roleArn } from "../honest.ts";
import type { Target } from "../target.ts";

const given = JSON.stringify({
  AccessKeyId: "ASIAIOSFODNN7EXAMPLE",
  SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  SessionToken: "FwoGZXIvYXdzEXAMPLE",
  Expiration: "2026-08-01T12:15:00Z",
  RenewalToken: "r1.payload.signature",
});
const fields = ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "RenewalToken"];
const host = {
  env: {},
  stdout: { write: () => undefined },
  stderr: { write: () => undefined },
  signals: process,
  now: () => now,
  elapsed: () => 0,
  sleep: () => Promise.resolve(),
  random: () => 0.5,
};

/** What answers at the broker's address: status, type and Retry-After on the first line, then the body. */
export async function openBrokerAnswer(): Promise<Target> {
  let answer = "";
  const server = createServer((_, response) => {
    const [, status, type, retryAfter, body = ""] =
      /^(\d{3}) (\S*) ?([^\n]*)\n?(.*)$/s.exec(answer) ?? [];
    const legal = Number(status) >= 200 && isHeader(type) && isHeader(retryAfter);
    const headers = legal && { "content-type": type ?? "", "retry-after": retryAfter ?? "" };
    response.writeHead(legal ? Number(status) : 500, headers || {}).end(body);
  });
  const client = await BrokerClient.to(await listening(server), host);
  const problem = {
    status: 403,
    code: "no_grant",
    detail: "no",
    fields: ["ref"],
    request_id: "r-1",
  };
  return {
    seeds: [
      `201 application/json\n${JSON.stringify({ challenge: "c1.x.y.z", ticket: "t" })}`,
      `403 application/problem+json\n${JSON.stringify(problem)}`,
      `503 application/problem+json; charset=utf-8 5\n${JSON.stringify(problem)}`,
      "429 text/html Sat, 01 Aug 2026 12:00:05 GMT\n<html>",
    ],
    words: [
      ...codes,
      "code",
      "detail",
      "fields",
      "request_id",
      "retry_after",
      "::set-output ",
      "\\n",
    ].concat("200 ", "302 ", "429 ", "503 ", "application/json", "application/problem+json"),
    async run(input) {
      answer = input.toString();
      const result = await unlessFailed(() => client.post("/v1/challenges", {}, 10_000));
      if (result?.kind !== "problem") return assert(result?.kind !== "unreachable");
      const { code, detail, fields: named, requestId, retryAfterMs } = result.problem;
      assert(code === null || codes.includes(code));
      // It is told on a line of our own, in a log in which the runner obeys lines.
      assert(detail.length <= 300);
      for (const text of [detail, requestId, ...named])
        assert.match(text, /^[^\p{Cc}\u2028\u2029]*$/u);
      assert(retryAfterMs === null || (Number.isFinite(retryAfterMs) && retryAfterMs >= 0));
    },
    close: () => {
      client.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** An age file in an answer: what was sealed to the key, whole, or nothing. */
export async function openAgeFile(): Promise<Target> {
  return {
    seeds: [await seal(key.publicKey, given), await seal(key.publicKey, "x".repeat(70_000))],
    words: [
      "-----BEGIN AGE ENCRYPTED FILE-----\n",
      "-----END AGE ENCRYPTED FILE-----\n",
      "\r\n",
      "=",
    ]
      .concat(Buffer.from("age-encryption.org/v1\n-> X25519 ").toString("base64"))
      .concat(Buffer.from("-> scrypt AAAAAAAAAAAAAAAAAAAAAA 30\n").toString("base64")),
    async run(input) {
      try {
        const text = await open(key.identity.reveal(), input.toString());
        assert(text === given || text === "x".repeat(70_000));
      } catch (error) {
        if (!(error instanceof UnsealError)) throw error;
      }
    },
  };
}

/** What was sealed: anybody who knows the key could have done that. */
export function openCredentials(): Target {
  return {
    seeds: [given],
    words: [...fields, "2026-08-01T12:15:00+01:00", "'; rm -rf /; '", "\\n", "\\u0000"],
    async run(input) {
      const credentials = await unlessFailed(() => checkCredentials(input.toString(), now));
      if (credentials) assertSafe(credentials);
    },
  };
}

function assertSafe(credentials: Credentials): void {
  const text = credentialsText(credentials);
  for (const value of Object.values(JSON.parse(text) as Record<string, string>))
    assert.match(value, /^[\w/+=.:~-]{16,16384}$/);
  assert.equal(credentialsText(parseCredentials(text)), text);
}

/** An identity file: one key that is written again as it was, or none. */
export function openIdentityFile(): Target {
  const text = identityFileText(key, now);
  return {
    seeds: [text, key.identity.reveal(), text.replaceAll("\n", "\r\n")],
    words: ["AGE-SECRET-KEY-1", "age-secret-key-1", "AGE-PLUGIN-X-1", "# ", "\n", "\r\n"],
    run(input) {
      const parsed = parseIdentityFile(input.toString());
      if (parsed === null) return;
      assert(input.includes(parsed.identity.reveal()));
      const again = parseIdentityFile(identityFileText(parsed, now));
      assert.equal(again?.identity.reveal(), parsed.identity.reveal());
      assert.equal(again?.publicKey, parsed.publicKey);
    },
  };
}

/** The kept credentials of a job, in a file that another step may have written. */
export function openCredentialCache(): Target {
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-fuzz-"));
  const place = { path: join(folder, "identity"), ownFolder: true, warning: null };
  const runContext = {
    repository: "acme/app",
    runId: 5_001,
    runAttempt: 1,
    job: { id: 7_001 },
    ref: undefined,
  };
  const asked = {
    run: runContext,
    key,
    role: roleArn,
    step: undefined,
    durationSeconds: undefined,
  };
  const cache = new CredentialCache(asked, new URL("https://broker.example.com"), place, host);
  cache.prepare();
  const times = {
    obtainedAt: now,
    expiresAt: now + 900_000,
    renewalAfter: now + 600_000,
    notBefore: now,
  };
  cache.write({ credentials: parseCredentials(given), ...times, grant: "", requestId: "" });
  const path = join(`${place.path}.cache`, readdirSync(`${place.path}.cache`)[0] ?? "");
  return {
    seeds: [readFileSync(path)],
    words: ["purpose", "obtained_at", "renewal_after", "not_before", "credentials", ...fields],
    run(input) {
      writeFileSync(path, input);
      const kept = cache.read();
      if (kept === null) return;
      assertSafe(kept.credentials);
      for (const time of [kept.obtainedAt, kept.expiresAt, kept.notBefore, kept.renewalAfter ?? 0])
        assert(Number.isFinite(time));
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}

async function unlessFailed<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

async function listening(server: Server): Promise<URL> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

function isHeader(text: string | undefined): boolean {
  return /^[\x20-\x7e]{0,1000}$/.test(text ?? "");
}
