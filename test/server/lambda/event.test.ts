import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { arrivalOf, parseEvent, requestOf, resultOf } from "../../../src/server/lambda/event.ts";

/** As AWS's documentation has it. */
const documented = JSON.parse(
  readFileSync(join(import.meta.dirname, "http-api-event.json"), "utf8"),
) as Record<string, unknown>;
const { requestContext } = parseEvent(documented);

const like = (changes: object) => parseEvent({ ...documented, ...changes });

describe("an event of an HTTP API becomes the request that it was", () => {
  test("as AWS documents it", async () => {
    const event = parseEvent(documented);
    const request = requestOf(event);
    expect([request.method, await request.text()]).toEqual(["POST", "Hello from Lambda"]);
    expect(arrivalOf(event, 5)).toEqual({
      incoming: {
        url: "/my/path?parameter1=value1&parameter1=value2&parameter2=value",
        socket: { remoteAddress: "192.0.2.1" },
      },
      decideBy: 5,
    });
  });

  test("its body may come in base64, and is the same bytes", async () => {
    const body = JSON.stringify({ repository: "acme/äöü" });
    for (const event of [
      like({ body, isBase64Encoded: false }),
      like({ body: Buffer.from(body).toString("base64"), isBase64Encoded: true }),
    ]) {
      const request = requestOf(event);
      const length = request.headers.get("content-length");
      expect([length, await request.text()]).toEqual([String(Buffer.byteLength(body)), body]);
    }
  });

  test("H-17: its length is what it is, not what its header says", () => {
    const headers = { "content-type": "application/json", "content-length": "2" };
    const request = requestOf(like({ headers, body: "x".repeat(40_000) }));
    expect(request.headers.get("content-length")).toBe("40000");
  });

  test("a header that came twice is one with commas, and so no type of ours (H-16)", () => {
    const headers = { "content-type": "application/json,text/plain" };
    expect(requestOf(like({ headers })).headers.get("content-type")).toBe(headers["content-type"]);
  });

  test("of the headers, what is no text of a header's is left out", () => {
    const headers = { "content-type": "application/json\u{1F600}", "x-forwarded-for": "a\nb" };
    const request = requestOf(like({ headers }));
    expect([...request.headers.keys()]).toEqual(["content-length"]);
  });

  test.each([
    ["$default", "/v1/credentials", "/v1/credentials"],
    ["prod", "/prod/v1/credentials", "/v1/credentials"],
    ["prod", "/prod", "/"],
    ["prod", "/prod/", "/"],
    ["prod", "/production/v1", "/production/v1"],
    ["prod", "/v1/credentials", "/v1/credentials"],
    ["prod", "/prod/prod/v1", "/prod/v1"],
    ["$default", "/$default/v1/credentials", "/$default/v1/credentials"],
    ["$default", "//v1/./credentials/../x", "//v1/./credentials/../x"],
  ])("of the stage %s, %s is %s (H-18)", (stage, rawPath, path) => {
    const event = like({
      rawPath,
      rawQueryString: "",
      requestContext: { ...requestContext, stage },
    });
    expect(arrivalOf(event, 0).incoming.url).toBe(path);
  });
});

test.each<[string, object]>([
  ["of payload format 1.0", { version: "1.0" }],
  ["without a path", { rawPath: undefined }],
  ["without an address", { requestContext: { ...requestContext, http: { method: "GET" } } }],
  ["of something else", { requestContext: undefined, Records: [] }],
])("an event %s is none", (_, changes) => {
  expect(() => like(changes)).toThrow("Invalid");
});

describe("an answer becomes what API Gateway sends", () => {
  test("text as text", async () => {
    const headers = { "content-type": "application/problem+json", "retry-after": "1" };
    expect(await resultOf(new Response("ä", { status: 409, headers }))).toEqual({
      statusCode: 409,
      headers,
      body: "ä",
      isBase64Encoded: false,
    });
  });

  test("bytes in base64, whatever they are", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
    const headers = { "content-type": "application/octet-stream" };
    const { body, isBase64Encoded } = await resultOf(new Response(bytes, { headers }));
    expect(isBase64Encoded).toBe(true);
    expect(new Uint8Array(Buffer.from(body, "base64"))).toEqual(bytes);
  });
});
