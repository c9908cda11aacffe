import { describe, expect, test } from "vitest";
import { Client, Stage } from "./broker.ts";
import { sendBytes } from "./servers.ts";

const routes = ["/v1/challenges", "/v1/credentials"];
const challengeOf = (client: Client): string => JSON.stringify(client.run);

async function raw(
  stage: Stage,
  target: string,
  method = "POST",
  headers = "content-type: application/json\r\n",
): Promise<{ status: number; text: string }> {
  const body = challengeOf(await Client.of(stage));
  const text = await sendBytes(
    stage.url,
    `${method} ${target} HTTP/1.1\r\nhost: x\r\n${headers}content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
  return { status: Number(text.slice(9, 12)), text };
}

test("an answer is JSON that no cache keeps and no other site reads", async () => {
  const stage = await Stage.open();
  const reply = await stage.post("/v1/challenges", challengeOf(await Client.of(stage)), {
    origin: "https://evil.example.com",
  });
  expect(reply.status).toBe(201);
  expect(Object.keys(reply.json)).toEqual(["challenge", "ticket", "expires_at"]);
  expect(reply.headers.get("content-type")).toMatch(/^application\/json/);
  expect(reply.headers.get("cache-control")).toBe("no-store");
  expect(reply.headers.get("x-content-type-options")).toBe("nosniff");
  expect([...reply.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
});

test("an error is RFC 9457 problem details, with an id of its own", async () => {
  const stage = await Stage.open();
  const ids = new Set<unknown>();
  for (const route of [...routes, "/nothing"]) {
    const { status, headers, json } = await stage.post(route, "{}");
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(json).toEqual({
      type: `urn:actions2aws:problem:${String(json.code)}`,
      title: expect.any(String),
      status,
      detail: expect.any(String),
      code: route === "/nothing" ? "not_found" : "invalid_request",
      request_id: expect.stringMatching(/^[\w-]{16,}$/),
    });
    ids.add(json.request_id);
  }
  expect(ids.size).toBe(3);
});

describe("H-16: only application/json in UTF-8", () => {
  test.each([
    "application/json",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "Application/JSON ; charset=UTF-8",
  ])("%s is taken", async (type) => {
    const stage = await Stage.open();
    const { status } = await stage.post("/v1/challenges", challengeOf(await Client.of(stage)), {
      "content-type": type,
    });
    expect(status).toBe(201);
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "application/jsonx",
    "application/json, text/plain",
    "text/json",
    "application/problem+json",
    "application/json; x=y",
  ])("%s is 415", async (type) => {
    const stage = await Stage.open();
    for (const route of routes) {
      const { status, json } = await stage.post(route, challengeOf(await Client.of(stage)), {
        "content-type": type,
      });
      expect([status, json.code]).toEqual([415, "unsupported_media_type"]);
    }
  });

  test("none at all is 415", async () => {
    expect(await raw(await Stage.open(), "/v1/challenges", "POST", "")).toMatchObject({
      status: 415,
    });
  });
});

describe("H-18: addresses count as they were sent", () => {
  test("the exact one is served", async () => {
    expect(await raw(await Stage.open(), "/v1/challenges")).toMatchObject({ status: 201 });
  });

  test.each([
    "//v1/challenges",
    "/v1//challenges",
    "/v1/challenges/",
    "/v1/%63hallenges",
    "/v1/challenges%2f",
    "/v1/./challenges",
    "/v1/../v1/challenges",
    "/v1/challenges?x=1",
    "/v1/challenges?",
    "/v1/challenges;x",
    "/V1/challenges",
    "/v1/Challenges",
    "/v1/challenge",
    "/v1/credentials/x",
    "/metrics",
    "/healthz",
    "/readyz",
    "/admin",
    "/*",
  ])("%s is 404", async (target) => {
    const { status, text } = await raw(await Stage.open(), target);
    expect(status).toBe(404);
    expect(text).toContain('"code":"not_found"');
  });

  test.each(["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])(
    "%s is 405, and says that POST is right",
    async (method) => {
      const stage = await Stage.open();
      for (const route of routes) {
        const { status, text } = await raw(stage, route, method);
        expect(status).toBe(405);
        expect(text.toLowerCase()).toContain("\r\nallow: post\r\n");
      }
    },
  );

  test("a method in a header changes nothing", async () => {
    const stage = await Stage.open();
    const override = "x-http-method-override: DELETE\r\ncontent-type: application/json\r\n";
    expect(await raw(stage, "/v1/challenges", "POST", override)).toMatchObject({ status: 201 });
    expect(
      await raw(stage, "/v1/challenges", "GET", override.replace("DELETE", "POST")),
    ).toMatchObject({ status: 405 });
  });

  test("the path of public_url is taken, and so is none", async () => {
    const stage = await Stage.open({ more: "public_url: https://broker.example.com/aws/" });
    for (const target of ["/aws/v1/challenges", "/v1/challenges"])
      expect(await raw(stage, target)).toMatchObject({ status: 201 });
    for (const target of [
      "/aws/aws/v1/challenges",
      "/aws//v1/challenges",
      "/AWS/v1/challenges",
      "/other/v1/challenges",
    ]) {
      expect(await raw(stage, target)).toMatchObject({ status: 404 });
    }
  });
});

describe("H-17: a body is small", () => {
  test("one over 32 KiB is 413, told or in chunks", async () => {
    const stage = await Stage.open();
    const client = await Client.of(stage);
    const padded = (size: number): string => challengeOf(client) + " ".repeat(size);
    expect(await stage.post("/v1/challenges", padded(30_000))).toMatchObject({ status: 201 });
    expect(await stage.post("/v1/challenges", padded(33_000))).toMatchObject({
      status: 413,
      json: { code: "too_large" },
    });
    const chunk = `8000\r\n${"x".repeat(0x8000)}\r\n`;
    const chunked = await sendBytes(
      stage.url,
      `POST /v1/challenges HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n${chunk}${chunk}0\r\n\r\n`,
    );
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("a compressed one is not unpacked", async () => {
    const stage = await Stage.open();
    const reply = await stage.post("/v1/challenges", challengeOf(await Client.of(stage)), {
      "content-encoding": "gzip",
    });
    expect([201, 400, 415]).toContain(reply.status);
  });
});

describe("H-09, H-10: limits", () => {
  const more = "limits: { per_address: 3/h, per_repository: 100/h, per_run: 100/h }";

  test("an address that asks too often gets 429 and is told when to come back", async () => {
    const stage = await Stage.open({ more });
    const client = await Client.of(stage);
    for (let count = 0; count < 3; count++) await client.challenge();
    const { status, headers, json } = await stage.post("/v1/challenges", client.run, {
      "x-forwarded-for": "198.51.100.7",
    });
    expect([status, json.code]).toEqual([429, "rate_limited"]);
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(3_000);
    expect((await client.request("x")).status).toBe(429);
  });

  test("behind a trusted proxy each client has a limit of its own", async () => {
    const stage = await Stage.open({ more: `${more}\ntrusted_proxies: [127.0.0.1]` });
    const client = await Client.of(stage);
    const from = (address: string) =>
      stage.post("/v1/challenges", client.run, { "x-forwarded-for": address });
    for (let count = 0; count < 3; count++) expect((await from("198.51.100.1")).status).toBe(201);
    expect((await from("198.51.100.1")).status).toBe(429);
    expect((await from("6.6.6.6, 198.51.100.1")).status).toBe(429);
    expect((await from("198.51.100.2")).status).toBe(201);
  });

  test("a run has one, whoever asks for it; and a flood leaves no records", async () => {
    const stage = await Stage.open({ more: "limits: { per_run: 2/h }" });
    const client = await Client.of(stage);
    await client.challenge();
    expect((await client.request("x")).json.code).toBe("challenge_invalid");
    expect((await client.request("x")).json.code).toBe("rate_limited");
    expect((await client.request("x", { run_id: 5_002 })).json.code).toBe("challenge_invalid");
    expect(stage.records()).toHaveLength(2);
  });
});
