import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { exchange, requestText, statusesIn } from "../harness/connection.ts";
import { goodRequest } from "../harness/requests.ts";

const bench = useBench({ attacks: true });

const head = "POST /v1/challenges HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
const chunked = `${head}transfer-encoding: chunked\r\n\r\n`;

/** What could be read in two ways, before a request that could be served. */
const ambiguous: Record<string, readonly string[]> = {
  "two lengths of the body": [
    `${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${head}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n`,
    `${head}content-length: 1\r\ncontent-length: 2\r\n\r\nab`,
    `${head}content-length: 2\r\ncontent-length: 2\r\n\r\n{}`,
    `${head}content-length: 2, 2\r\n\r\n{}`,
    `${head}content-length: 1\r\n\r\n{}{}{}`,
    `${chunked}2\r\n{}\r\n0\r\ncontent-length: 5\r\n\r\n`,
  ],
  "a Content-Length that is no number": [
    `${head}content-length: +2\r\n\r\n{}`,
    `${head}content-length: -1\r\n\r\n{}`,
    `${head}content-length: 0x2\r\n\r\n{}`,
    `${head}content-length: 99999999999999999999\r\n\r\n{}`,
  ],
  "a header that is spelt in an odd way": [
    `${head}content-length : 2\r\n\r\n{}`,
    `${head}transfer-encoding\t: chunked\r\n\r\n0\r\n\r\n`,
    `${head} content-length: 2\r\n\r\n{}`,
    `${head}x-a: b\r\n c\r\ncontent-length: 2\r\n\r\n{}`,
    `${head}transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
    `${head}x-a: \0\r\ncontent-length: 2\r\n\r\n{}`,
  ],
  "a line that ends in an odd way": [
    `${head.replaceAll("\r", "")}content-length: 2\n\n{}`,
    `${head}x-a: b\ncontent-length: 2\r\n\r\n{}`,
    `${head}x-a: b\rcontent-length: 2\r\n\r\n{}`,
  ],
  "a Transfer-Encoding that is not plainly chunked": [
    `${head}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`,
    `${head}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    `${head}transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
    `${head}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n`,
    `${head}transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
    `${head}transfer-encoding: "chunked"\r\n\r\n0\r\n\r\n`,
    `${chunked.replace("1.1", "1.0")}0\r\n\r\n`,
  ],
  "a chunk whose size or end is not plain": [
    `${chunked}0x2\r\n{}\r\n0\r\n\r\n`,
    `${chunked}-2\r\n{}\r\n0\r\n\r\n`,
    `${chunked}2 \r\n{}\r\n0\r\n\r\n`,
    `${chunked}2\n{}\r\n0\r\n\r\n`,
    `${chunked}2\r\n{}XX0\r\n\r\n`,
    `${chunked}2\r\n{}\n0\r\n\r\n`,
    `${chunked}2;a\nb\r\n{}\r\n0\r\n\r\n`,
    `${chunked}2;a\rb\r\n{}\r\n0\r\n\r\n`,
    `${chunked}2;${"a".repeat(40_000)}\r\n{}\r\n0\r\n\r\n`,
  ],
  "a first line that is not plain": [
    `${head.replace("1.1", "2.0")}content-length: 2\r\n\r\n{}`,
    `${head.replace("1.1", "1.1 x")}content-length: 2\r\n\r\n{}`,
    `${head.replace("challenges", "x x")}content-length: 2\r\n\r\n{}`,
    `${head.replace("POST", "post")}content-length: 2\r\n\r\n{}`,
    "POST /v1/challenges\r\n\r\n",
  ],
  "no Host, or two": [
    "POST /v1/challenges HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}",
    `${head}Host: y\r\ncontent-length: 2\r\n\r\n{}`,
  ],
  "what is not HTTP/1": [
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "SSH-2.0-x\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  ],
};

describe("what a proxy and the broker could read differently is refused, and what follows it is not heard (H-08):", () => {
  test.for(Object.entries(ambiguous))("%s", async ([, beginnings]) => {
    const { client, fields } = await goodRequest(bench());
    const smuggled = requestText("/v1/credentials", JSON.stringify(fields));
    const answers = await Promise.all(
      beginnings.map((bytes) => exchange(bench().broker.url, bytes + smuggled)),
    );
    // Some parsers refuse each half for itself.
    const statuses = answers.map((answer) => [...new Set(statusesIn(answer))]);
    expect(statuses).toEqual(beginnings.map(() => ["400"]));
    expect(bench().records).toEqual([]);
    expect(bench().asked).toEqual([]);
    const alone = await exchange(bench().broker.url, smuggled);
    expect(statusesIn(alone)).toEqual(["200"]);
    const json: unknown = JSON.parse(alone.slice(alone.indexOf("\r\n\r\n")));
    const reply = { status: 200, headers: new Headers(), text: "", json };
    await expect(client.credentialsIn(reply)).resolves.toBeDefined();
  });
});

describe("what is turned away with its body unread leaves nothing of it to be taken for a request (H-08):", () => {
  test.for<[string, (inner: string) => string, string]>([
    [
      "a type that is not taken",
      (inner) => requestText("/v1/challenges", inner, { type: "" }),
      "415",
    ],
    ["a method that is not taken", (inner) => requestText("/", inner, { method: "PUT" }), "405"],
    ["an address that is none", (inner) => requestText("/nothing", inner), "404"],
    ["a body that is too large", (inner) => requestText("/", inner.padEnd(40_000)), "413"],
    ["a GET with a body", (inner) => requestText("/openapi.json", inner, { method: "GET" }), "200"],
  ])("%s", async ([, wrap, status]) => {
    const { fields } = await goodRequest(bench());
    const inner = requestText("/v1/credentials", JSON.stringify(fields));
    const answer = await exchange(bench().broker.url, wrap(inner));
    expect(statusesIn(answer)).toEqual([status]);
    expect(bench().records).toEqual([]);
    expect(bench().world.sts.journal).toEqual([]);
  });
});

test("a tunnel is not opened, and another protocol not spoken (H-08)", async () => {
  const { client } = await goodRequest(bench());
  const tunnel = "CONNECT sts.amazonaws.com:443 HTTP/1.1\r\nhost: x\r\n\r\n";
  expect(await exchange(bench().broker.url, tunnel)).toBe("");
  const upgrade = requestText("/v1/challenges", JSON.stringify(client.who), {
    headers: ["connection: upgrade", "upgrade: h2c", "http2-settings: AAMAAABkAAQAAP__"],
  });
  expect(statusesIn(await exchange(bench().broker.url, upgrade))).toEqual(["201"]);
});

test("a header of a proxy gives nobody another address, run or method (H-08)", async () => {
  const { fields } = await goodRequest(bench());
  const headers = [
    "x-original-url: /v1/credentials",
    "x-rewrite-url: /v1/credentials",
    "x-http-method-override: PUT",
    "x-forwarded-host: evil.example",
    "x-forwarded-proto: https",
    "forwarded: for=198.51.100.7;host=evil.example",
    "x-forwarded-for: 198.51.100.7",
    "x-real-ip: 198.51.100.7",
  ];
  const text = requestText("/v1/credentials", JSON.stringify(fields), { headers });
  expect(statusesIn(await exchange(bench().broker.url, text))).toEqual(["200"]);
  expect(bench().records).toMatchObject([{ decision: "allowed", client_address: "127.0.0.1" }]);
  const elsewhere = requestText("/nothing", JSON.stringify(fields), { headers });
  expect(statusesIn(await exchange(bench().broker.url, elsewhere))).toEqual(["404"]);
});
