import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Call, Network, NetworkError, retryAfterSeconds } from "../../src/server/network.ts";
import { serve, serveBytes } from "./servers.ts";

/** Half of what the jitter can be: 50, 100, 200 ms. */
function call(url: string, more: Partial<Call> = {}): ReturnType<Network["call"]> {
  const network = new Network({ random: () => 0 });
  onTestFinished(() => network.close());
  return network.call({ url, maxBytes: 1_000, ...more });
}

const kind = (expected: NetworkError["kind"]): Error =>
  expect.objectContaining({ name: "NetworkError", kind: expected }) as Error;

describe("an answer is passed on whole", () => {
  test("with its status, headers and body, whatever the status", async () => {
    const { url } = await serve((request, response) => {
      expect(request.headers["accept-encoding"]).toBe("identity");
      expect(request.headers["x-mine"]).toBe("1");
      response.writeHead(404, { "x-a": "b", "set-cookie": ["c=1", "d=2"] }).end("nö");
    });
    expect(await call(url, { headers: { "x-mine": "1" } })).toMatchObject({
      status: 404,
      headers: { "x-a": "b", "set-cookie": "c=1, d=2" },
      body: "nö",
    });
  });

  test.each([301, 302, 303, 307, 308])(
    "F-01: a redirect with %d is shown, not followed",
    async (status) => {
      const target = await serve((_, response) => response.end("target"));
      const { url, count } = await serve((_, response) =>
        response.writeHead(status, { location: target.url }).end(),
      );
      expect(await call(url)).toMatchObject({ status, headers: { location: target.url } });
      expect([count(), target.count()]).toEqual([1, 0]);
    },
  );

  test("of exactly as many bytes as are taken", async () => {
    const { url } = await serve((_, response) => response.end("x".repeat(1_000)));
    expect((await call(url)).body).toHaveLength(1_000);
  });
});

describe("what is not a whole answer is none", () => {
  test("L-13: a body over the cap, told or not", async () => {
    const told = await serve((_, response) => response.end("x".repeat(1_001)));
    await expect(call(told.url)).rejects.toThrow(kind("too_large"));
    const untold = await serve((_, response) => {
      const timer = setInterval(() => response.write("x".repeat(100)), 1);
      response.on("close", () => clearInterval(timer));
    });
    await expect(call(untold.url)).rejects.toThrow(kind("too_large"));
    expect([told.count(), untold.count()]).toEqual([1, 1]);
  });

  test.each(["gzip", "br", "deflate", "zstd", "x-gzip", "identity, gzip"])(
    "L-13: a body in %s is not unpacked",
    async (encoding) => {
      const { url, count } = await serve((_, response) =>
        response
          .writeHead(200, { "content-encoding": encoding })
          .end(gzipSync("x".repeat(100_000))),
      );
      await expect(call(url)).rejects.toThrow(kind("encoding"));
      expect(count()).toBe(1);
    },
  );

  test("F-04: a body that is cut off", async () => {
    const { url, count } = await serveBytes((socket) =>
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"),
    );
    await expect(call(url)).rejects.toThrow(kind("connection"));
    expect(count()).toBe(3);
  });

  test("F-04: chunks without an end", async () => {
    const { url } = await serveBytes((socket) =>
      socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
    );
    await expect(call(url, { retries: 0 })).rejects.toThrow(kind("connection"));
  });

  test("what is not HTTP", async () => {
    const { url } = await serveBytes((socket) => socket.end("SSH-2.0-OpenSSH\r\n"));
    await expect(call(url, { retries: 0 })).rejects.toThrow(kind("connection"));
  });

  test("nobody there", async () => {
    const { url } = await serve(() => undefined);
    const gone = url.replace(/\d+$/, "1");
    await expect(call(gone, { retries: 0 })).rejects.toThrow(kind("connection"));
  });
});

describe("time", () => {
  test.each([
    ["says nothing", (): void => undefined],
    ["stops in the middle", (response: ServerResponse): void => void response.write("x")],
  ])(
    "a server that %s is given up after the whole call's time, and not asked again",
    async (_, say) => {
      const { url, count } = await serve((_request, response) => say(response));
      const started = performance.now();
      await expect(call(url, { timeoutMs: 300 })).rejects.toThrow(kind("timeout"));
      expect(performance.now() - started).toBeLessThan(5_000);
      expect(count()).toBe(1);
    },
  );

  test("F-04: one byte each now and then does not stretch it", async () => {
    const { url } = await serve((_, response) => {
      const timer = setInterval(() => response.write("x"), 50);
      response.on("close", () => clearInterval(timer));
    });
    await expect(call(url, { timeoutMs: 400 })).rejects.toThrow(kind("timeout"));
  });

  test("retries end with it", async () => {
    const { url } = await serve((_, response) => response.writeHead(503).end());
    const started = performance.now();
    expect(await call(url, { timeoutMs: 300, retries: 100 })).toMatchObject({ status: 503 });
    expect(performance.now() - started).toBeLessThan(400);
  });
});

describe("a server in trouble is asked again", () => {
  test.each([500, 502, 503, 504])(
    "after %d, and the answer that then comes counts",
    async (status) => {
      const { url, count } = await serve((_, response) =>
        response.writeHead(count() < 2 ? status : 200).end("ok"),
      );
      expect(await call(url)).toMatchObject({ status: 200, body: "ok" });
      expect(count()).toBe(2);
    },
  );

  test("after a reset", async () => {
    const { url, count } = await serveBytes((socket, turn) => {
      if (turn === 0) socket.resetAndDestroy();
      else socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    });
    expect(await call(url)).toMatchObject({ status: 200, body: "ok" });
    expect(count()).toBe(2);
  });

  test("three times at most, with pauses that grow", async () => {
    const times: number[] = [];
    const { url } = await serve((_, response) => {
      times.push(performance.now());
      response.writeHead(503).end();
    });
    expect(await call(url)).toMatchObject({ status: 503 });
    const [first = 0, second = 0, third = 0, ...more] = times;
    expect(more).toEqual([]);
    expect(second - first).toBeGreaterThan(45);
    expect(third - second).toBeGreaterThan(95);
  });

  test("no earlier than its Retry-After says", async () => {
    const times: number[] = [];
    const { url } = await serve((_, response) => {
      times.push(performance.now());
      response.writeHead(times.length === 1 ? 503 : 200, { "retry-after": "1" }).end();
    });
    expect(await call(url)).toMatchObject({ status: 200 });
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(1_000);
  });

  test("F-03: but not if that is long: the caller is told instead", async () => {
    const { url, count } = await serve((_, response) =>
      response.writeHead(503, { "retry-after": "60" }).end(),
    );
    expect(await call(url)).toMatchObject({ status: 503, headers: { "retry-after": "60" } });
    expect(count()).toBe(1);
  });

  test.each([200, 304, 400, 401, 403, 404, 429, 501])("but not after %d", async (status) => {
    const { url, count } = await serve((_, response) => response.writeHead(status).end());
    expect(await call(url)).toMatchObject({ status });
    expect(count()).toBe(1);
  });
});

test("H-14: an error holds neither URL nor header", async () => {
  const { url } = await serveBytes((socket) => socket.destroy());
  const failed = await call(`${url}/canary`, { retries: 0, headers: { cookie: "canary" } }).catch(
    (error: unknown) => error,
  );
  expect(failed).toBeInstanceOf(NetworkError);
  expect(JSON.stringify(failed) + String(failed)).not.toContain("canary");
});

test("a fault of this program's own is no network error", async () => {
  await expect(
    call("http://127.0.0.1:1/", { headers: { "bad\nname": "x" } }),
  ).rejects.not.toBeInstanceOf(NetworkError);
});

describe("Retry-After", () => {
  const now = Date.parse("2026-08-01T12:00:00Z");
  test.each([
    ["0", 0],
    ["7", 7],
    ["Sat, 01 Aug 2026 12:00:30 GMT", 30],
    ["Sat, 01 Aug 2026 11:59:30 GMT", 0],
    ["soon", null],
    ["", null],
    ["99999999", null],
  ])("%j is %j s", (value, expected) => {
    expect(retryAfterSeconds({ "retry-after": value }, now)).toBe(expected);
  });

  test("that is not there is none", () => {
    expect(retryAfterSeconds({}, now)).toBeNull();
  });
});

describe("renewed connections", () => {
  test("what is under way is tried again on a new one", async () => {
    const held: ServerResponse[] = [];
    const { url, count } = await serve((_, response) => {
      // The first, on a connection that has died without a word, is never answered.
      if (held.push(response) > 1) response.end("answered");
    });
    const network = new Network({ random: () => 0 });
    onTestFinished(() => network.close());
    const asked = network.call({ url, maxBytes: 1_000, timeoutMs: 50_000 });
    await expect.poll(count).toBe(1);
    await network.renew();
    expect(await asked).toMatchObject({ status: 200, body: "answered" });
    expect(count()).toBe(2);
  });

  test("a kept one is not used again", async () => {
    const ports: (number | undefined)[] = [];
    const { url } = await serve((request, response) => {
      ports.push(request.socket.remotePort);
      response.end("x");
    });
    const network = new Network();
    onTestFinished(() => network.close());
    const ask = async (): Promise<void> => {
      await network.call({ url, maxBytes: 1_000 });
      await new Promise(setImmediate);
    };
    for (let count = 0; count < 5; count++) await ask();
    const before = new Set(ports);
    expect(before.size).toBeLessThan(5);
    await network.renew();
    await ask();
    expect(before).not.toContain(ports.at(-1));
  });
});
