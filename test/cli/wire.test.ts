import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { type Answer, BrokerClient } from "../../src/cli/broker-client.ts";
import { parseBrokerUrl } from "../../src/cli/broker-url.ts";
import { problem, type Reply, scriptedBroker } from "../harness/scripted-broker.ts";

const credentials = "/v1/credentials";

async function post(reply: Reply, { env = {}, timeoutMs = 2_000, path = "" } = {}) {
  const broker = await scriptedBroker({ credentials: [reply] });
  const client = await BrokerClient.to(parseBrokerUrl(broker.url + path), {
    env,
    now: () => Date.now(),
  });
  try {
    return { broker, answer: await client.post(credentials, { hello: "wörld" }, timeoutMs) };
  } finally {
    client.close();
  }
}

async function problemOf(reply: Reply) {
  const { answer } = await post(reply);
  if (answer.kind !== "problem") throw new Error(`not a problem: ${answer.kind}`);
  return answer.problem;
}

test("what leaves is JSON, under the base path, with no header that tells of the job", async () => {
  const env = {
    GITHUB_TOKEN: "ghs_canary",
    HTTP_PROXY: "http://127.0.0.1:1",
    http_proxy: "http://127.0.0.1:1",
  };
  const { broker, answer } = await post({ status: 200, body: { ok: 1 } }, { env, path: "/base" });
  expect(answer).toEqual({ kind: "given", body: { ok: 1 } });
  const [asked] = broker.journal;
  expect(asked).toMatchObject({
    method: "POST",
    path: "/base/v1/credentials",
    body: { hello: "wörld" },
  });
  expect(Object.keys(asked?.headers ?? {}).toSorted()).toEqual([
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "user-agent",
  ]);
});

describe("redirects are never followed (C-04)", () => {
  test.each([300, 301, 302, 303, 307, 308])("%d", async (status) => {
    const elsewhere = await scriptedBroker();
    const reply = { status, headers: { location: `${elsewhere.url}${credentials}` } };
    await expect(post(reply)).rejects.toThrow(/unexpected_redirect.*--url/);
    expect(elsewhere.journal).toEqual([]);
  });

  test("nor those of a page", async () => {
    const body = '<meta http-equiv="refresh" content="0; url=https://evil.example/">';
    await expect(
      post({ status: 200, headers: { "content-type": "text/html" }, body }),
    ).rejects.toThrow(/does not speak/);
  });
});

describe("an answer that is not the broker's (C-14)", () => {
  const endless = (_asked: unknown, response: ServerResponse) => {
    response.writeHead(200, { "content-type": "application/json" });
    const more = () =>
      void (response.destroyed || response.write(" ".repeat(8_192), () => setImmediate(more)));
    more();
  };

  test.each<[string, Reply, RegExp]>([
    ["an endless body", endless, /too large/],
    ["65,537 bytes", { status: 200, body: `"${"x".repeat(65_535)}"` }, /too large/],
    ["an endless problem", { status: 403, body: " ".repeat(100_000) }, /too large/],
    [
      "HTML",
      { status: 200, headers: { "content-type": "text/html" }, body: "{}" },
      /does not speak/,
    ],
    [
      "no content type",
      { status: 200, headers: { "content-type": "" }, body: "{}" },
      /does not speak/,
    ],
    [
      "a problem as success",
      { status: 200, headers: { "content-type": "application/problem+json" } },
      /does not speak/,
    ],
    ["no JSON", { status: 200, body: "{" }, /does not speak/],
    ["a list", { status: 200, body: [] }, /does not speak/],
    ["null", { status: 200, body: "null" }, /does not speak/],
    ["gzip", { status: 200, headers: { "content-encoding": "gzip" } }, /compressed/],
  ])("%s", async (_name, reply, line) => {
    await expect(post(reply)).rejects.toThrow(line);
  });

  test("64 KiB to the byte are taken", async () => {
    const { answer } = await post({
      status: 200,
      body: JSON.stringify({ x: "y".repeat(65_536 - 8) }),
    });
    expect(answer.kind).toBe("given");
  });

  test.each<[string, Reply, string]>([
    ["silence", () => {}, "no answer in time"],
    [
      "half an answer",
      (_asked, response) => void response.writeHead(200, { "content-length": 9 }).write("{"),
      "no answer in time",
    ],
    ["a connection that breaks", (_asked, response) => response.destroy(), "ECONNRESET"],
    ["an answer that breaks off", breakOff, "ECONNRESET"],
  ])("%s is no answer", async (_name, reply, reason) => {
    expect((await post(reply, { timeoutMs: 1_000 })).answer).toEqual({
      kind: "unreachable",
      reason,
    });
  });

  test("nobody listens", async () => {
    const client = await BrokerClient.to(new URL("http://127.0.0.1:1"), { env: {}, now: () => 0 });
    expect(await client.post("/x", {}, 1_000)).toEqual({
      kind: "unreachable",
      reason: "ECONNREFUSED",
    });
  });
});

function breakOff(_asked: unknown, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json", "content-length": 9 });
  response.write("{", () => response.destroy());
}

describe("problems", () => {
  test("one of ours", async () => {
    expect(
      await problemOf(
        problem(409, "proof_pending", { detail: "Not seen." }, { "retry-after": "2" }),
      ),
    ).toEqual({
      status: 409,
      code: "proof_pending",
      detail: "Not seen.",
      fields: [],
      requestId: "req-0123456789",
      retryAfterMs: 2_000,
    });
  });

  test("text is made one plain line of 300 characters", async () => {
    const { detail } = await problemOf(
      problem(403, "no_grant", { detail: `a\n::set-env::\u001b[31m##[error]${"x".repeat(999)}` }),
    );
    expect(detail).toMatch(/^a ::set-env:: \[31m# # \[error\]x+…$/);
    expect(Array.from(detail)).toHaveLength(300);
  });

  test.each<
    [string, Record<string, unknown>, Partial<Exclude<Answer, { kind: "given" }>> | object]
  >([
    ["an unknown code", { code: "$(id)" }, { code: null }],
    ["a code of another kind", { code: 7 }, { code: null }],
    ["a code of Object's", { code: "constructor" }, { code: null }],
    ["a detail of another kind", { detail: { toString: "x" } }, { detail: "" }],
    [
      "fields that are no names",
      { fields: ["ref", "a b", "X\n", 7, null, "x".repeat(41)] },
      { fields: ["ref"] },
    ],
    ["fields that are no list", { fields: "ref" }, { fields: [] }],
    [
      "very many fields",
      { fields: Array.from({ length: 1_000 }, () => "ref") },
      { fields: Array.from({ length: 20 }, () => "ref") },
    ],
    ["a request id with blanks", { request_id: "a b\n" }, { requestId: "" }],
  ])("%s", async (_name, more, expected) => {
    expect(await problemOf(problem(403, "no_grant", more))).toMatchObject(expected);
  });

  test("another content type has no code", async () => {
    const reply = {
      status: 503,
      headers: { "content-type": "text/html", "retry-after": "1" },
      body: '{"code":"no_grant"}',
    };
    expect(await problemOf(reply)).toMatchObject({ status: 503, code: null, retryAfterMs: 1_000 });
  });
});

test("NODE_TLS_REJECT_UNAUTHORIZED=0 is refused before anything is sent (C-11)", async () => {
  await expect(
    post({ status: 200 }, { env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" } }),
  ).rejects.toThrow(/NODE_TLS_REJECT/);
});

test("challenge and credentials share a connection", async () => {
  const ports: (number | undefined)[] = [];
  const reply: Reply = (_asked, response) => {
    ports.push(response.socket?.remotePort);
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  };
  const broker = await scriptedBroker({ challenges: [reply], credentials: [reply] });
  const client = await BrokerClient.to(parseBrokerUrl(broker.url), { env: {}, now: () => 0 });
  await client.post("/v1/challenges", {}, 1_000);
  await client.post(credentials, {}, 1_000);
  client.close();
  expect(ports[0]).toBe(ports[1]);
});
