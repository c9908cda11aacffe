import { describe, expect, onTestFinished, test } from "vitest";
import { listen, type Listening } from "../../src/server/listener.ts";
import { sendBytes } from "./servers.ts";

async function open(
  fetch: (request: Request) => Response | Promise<Response> = async (request) => {
    await request.text();
    return new Response("ok");
  },
): Promise<Listening & { requests: string[] }> {
  const requests: string[] = [];
  const listening = await listen(
    {
      fetch: (request: Request) => {
        requests.push(`${request.method} ${new URL(request.url).pathname}`);
        return fetch(request);
      },
    },
    { host: "127.0.0.1", port: 0 },
  );
  onTestFinished(() => listening.stop(0));
  return { ...listening, requests };
}

const statusesOf = (answer: string): string[] =>
  [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status = ""]) => status);
const good = "GET /good HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

describe("H-08: what could be read in two ways gets 400, and nothing behind it is answered", () => {
  test.each([
    [
      "Content-Length and Transfer-Encoding",
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    [
      "two Content-Lengths",
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    ],
    ["a Content-Length that is none", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +1\r\n\r\na"],
    ["a space before the colon", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length : 1\r\n\r\na"],
    ["a folded header", "GET / HTTP/1.1\r\nhost: x\r\nx-a: b\r\n c\r\n\r\n"],
    ["a bare LF", "GET / HTTP/1.1\nhost: x\n\n"],
    [
      "a chunk size that is none",
      "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    ],
    [
      "an odd Transfer-Encoding",
      "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    ],
    ["a NUL in a header", "GET / HTTP/1.1\r\nhost: x\r\nx-a: \0\r\n\r\n"],
    ["no HTTP", "SSH-2.0-x\r\n\r\n"],
  ])("%s", async (_, bytes) => {
    const { url, requests } = await open();
    const answer = await sendBytes(url, bytes + good);
    expect(statusesOf(answer)[0]).toBe("400");
    expect(statusesOf(answer)).toHaveLength(1);
    expect(requests).not.toContain("GET /good");
    expect(statusesOf(await sendBytes(url, good))).toEqual(["200"]);
  });
});

test("H-16: a request without Host gets 400, and the connection ends", async () => {
  const { url } = await open();
  expect(statusesOf(await sendBytes(url, `GET / HTTP/1.1\r\n\r\n${good}`))).toEqual(["400"]);
});

describe("H-17: what is too large", () => {
  test.each([
    ["a header", `GET / HTTP/1.1\r\nhost: x\r\nx-a: ${"a".repeat(20_000)}\r\n\r\n`],
    ["ten thousand headers", `GET / HTTP/1.1\r\nhost: x\r\n${"x-a: b\r\n".repeat(10_000)}\r\n`],
    ["an address", `GET /${"a".repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`],
  ])("%s gets 431", async (_, bytes) => {
    const { url, requests } = await open();
    expect(statusesOf(await sendBytes(url, bytes))).toEqual(["431"]);
    expect(requests).toEqual([]);
    expect(statusesOf(await sendBytes(url, good))).toEqual(["200"]);
  });
});

test(
  "headers and bodies that never end are given up, while others are served",
  { timeout: 40_000 },
  async () => {
    const { url } = await open(async (request) => new Response(await request.text()));
    const started = performance.now();
    const [headers, body, meanwhile] = await Promise.all([
      sendBytes(url, "GET / HTTP/1.1\r\nhost: x\r\nx-a: ", 30_000),
      sendBytes(url, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf", 30_000),
      sendBytes(url, good),
    ]);
    expect(statusesOf(headers)).toEqual(["408"]);
    expect(statusesOf(body)).toEqual(["408"]);
    expect(statusesOf(meanwhile)).toEqual(["200"]);
    expect(performance.now() - started).toBeLessThan(20_000);
  },
);

describe("F-15: stopping", () => {
  test("finishes what is under way, and takes nothing new", async () => {
    const gate = Promise.withResolvers<void>();
    const listening = await open(async () => {
      await gate.promise;
      return new Response("done");
    });
    const underway = fetch(listening.url).then((response) => response.text());
    await new Promise((resolve) => setTimeout(resolve, 100));
    const stopped = listening.stop(5_000);
    await expect(fetch(listening.url)).rejects.toThrow("fetch failed");
    gate.resolve();
    expect(await underway).toBe("done");
    const started = performance.now();
    await stopped;
    expect(performance.now() - started).toBeLessThan(4_000);
  });

  test("ends what takes longer than it may", async () => {
    const listening = await open(() => new Promise(() => undefined));
    const underway = fetch(listening.url);
    underway.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const started = performance.now();
    await listening.stop(200);
    expect(performance.now() - started).toBeLessThan(4_000);
    await expect(underway).rejects.toThrow("fetch failed");
  });

  test("does not wait for connections that only lie open", async () => {
    const listening = await open();
    await (await fetch(listening.url)).text();
    const started = performance.now();
    await listening.stop(10_000);
    expect(performance.now() - started).toBeLessThan(4_000);
  });
});

test("an address that can't be had is told", async () => {
  const { url } = await open();
  const port = Number(new URL(url).port);
  await expect(
    listen({ fetch: () => new Response() }, { host: "127.0.0.1", port }),
  ).rejects.toMatchObject({ code: "EADDRINUSE" });
});

test("H-26: an IPv6 address is told in brackets", async () => {
  const listening = await listen({ fetch: () => new Response("ok") }, { host: "::1", port: 0 });
  onTestFinished(() => listening.stop(0));
  expect(listening.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  expect(await (await fetch(listening.url)).text()).toBe("ok");
});
