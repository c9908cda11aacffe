import { type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { canaries, useClients } from "../harness/clients.ts";
import { type Reply, seal } from "../harness/scripted-broker.ts";
import { expectNothing, requestOf } from "../harness/ways.ts";

// The bounds of a client, whatever answers it: its --timeout, 160 MiB, and what the sockets' buffers
// hold beyond the 64 KiB that it reads.

const timeoutSeconds = 2;
/** A busy machine's processes start and end late. */
const slackMs = 8_000;
const mostMemory = 160 * 1024 * 1024;
const mostRead = 8 * 1024 * 1024;

const clients = useClients();

const type = { "content-type": "application/json" };

/** Writes for as long as somebody takes it. */
function pour(response: ServerResponse, piece: Buffer): void {
  const more = (): void => {
    while (!response.destroyed)
      if (!response.write(piece)) return void response.once("drain", more);
  };
  more();
}

/** Past HTTP's rules: these bytes, and then others every millisecond. */
function raw(first: string, then = ""): Reply {
  return (_asked, { socket }) => {
    socket?.on("error", () => undefined);
    socket?.write(first);
    if (then === "") {
      socket?.end();
      return;
    }
    const timer = setInterval(() => void (socket?.writable && socket.write(then)), 1);
    socket?.once("close", () => clearInterval(timer));
  };
}

function says(body: string, headers: Record<string, string> = type, status = 200): Reply {
  return { status, headers, body };
}

/** Good credentials, but not as the broker gives them. */
function goodBut(status: number, headers: Record<string, string>): Reply {
  return async ({ body }, response) => {
    const credentials = await seal(String(body.public_key), JSON.stringify(canaries));
    response.writeHead(status, headers).end(JSON.stringify({ credentials }));
  };
}

const spaces = Buffer.alloc(65_536, " ");

const strange: Record<string, Reply> = {
  "an endless answer": (_asked, response) => pour(response.writeHead(200, type), spaces),
  "an endless refusal": (_asked, response) =>
    pour(response.writeHead(403, { "content-type": "application/problem+json" }), spaces),
  "a gigabyte": (_asked, response) =>
    pour(response.writeHead(200, { ...type, "content-length": 2 ** 30 }), spaces),
  "a byte a moment": (_asked, response) => {
    response.writeHead(200, type);
    const timer = setInterval(() => void response.write(" "), 20);
    response.once("close", () => clearInterval(timer));
  },
  "a byte over 64 KiB": says(`"${"x".repeat(65_535)}"`),
  "a gzip bomb": (_asked, response) =>
    response
      .writeHead(200, { ...type, "content-encoding": "gzip" })
      .end(gzipSync(Buffer.alloc(2e7))),
  "credentials that say to be compressed": goodBut(200, { ...type, "content-encoding": "gzip" }),
  "credentials in a page": goodBut(200, { "content-type": "text/html" }),
  "credentials of no type": goodBut(200, { "content-type": "" }),
  "credentials that are a refusal": goodBut(200, { "content-type": "application/problem+json" }),
  "credentials later": goodBut(202, type),
  "credentials elsewhere": goodBut(303, { ...type, location: "http://127.0.0.1:1/" }),
  "lists in lists": says("[".repeat(65_000)),
  "objects in objects": says(`${'{"credentials":'.repeat(3_600)}1${"}".repeat(3_600)}`),
  "a hundred thousand digits": says(`{"credentials":${"9".repeat(60_000)}}`),
  "armor without an end": says(
    JSON.stringify({ credentials: "-----BEGIN AGE ENCRYPTED FILE-----\n".repeat(1_500) }),
  ),
  "a page that leads elsewhere": says(
    '<meta http-equiv="refresh" content="0; url=http://127.0.0.1:1/">',
    { "content-type": "text/html" },
  ),
  "a type with a text of its own": says("{}", { "content-type": "text/plain; x=application/json" }),
  "no JSON": says("{"),
  nothing: says(""),
  "nothing, and says so": (_asked, response) => response.writeHead(204).end(),
  "a part": says("{}", type, 206),
  "an empty hand": says("{}"),
  silence: () => undefined,
  "half an answer": (_asked, response) =>
    response.writeHead(200, { "content-length": 9 }).write("{"),
  "an end of the connection": (_asked, { socket }) => socket?.destroy(),
  "other protocols": raw(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
  ),
  "another protocol": raw("SSH-2.0-OpenSSH_9.6\r\n"),
  "two lengths": raw(
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}",
  ),
  "endless hints": raw("HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n"),
  "endless headers": raw("HTTP/1.1 200 OK\r\n", `x-a: ${"b".repeat(1_000)}\r\n`),
  "an endless header": raw("HTTP/1.1 200 OK\r\nx-a: ", "b".repeat(1_000)),
  "an endless chunk size": raw(
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    "a".repeat(10_000),
  ),
  "endless trailers": raw(
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
    "x-a: b\r\n",
  ),
};

/** The most memory that the process has had, as far as it was seen. */
function watch({ pid }: ChildProcess): () => number {
  let peak = 0;
  const timer = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      peak = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024 || peak;
    } catch {
      // It has ended, or this is no Linux.
    }
  }, 5);
  return () => {
    clearInterval(timer);
    return peak;
  };
}

describe.concurrent("within its bounds, and with nothing done, ends what gets (C-14, C-17)", () => {
  // What comes first is understood by the same code.
  const first = ["an endless answer", "silence", "other protocols", "an endless header"];
  const cases = [
    ...first.map((name) => ["challenges", name] as const),
    ...Object.keys(strange).map((name) => ["credentials", name] as const),
  ];
  test.for(cases)("as %s %s", async ([asked, name]) => {
    let written = 0;
    const reply: Reply = (request, response) => {
      const { socket } = response;
      response.once("close", () => (written = Math.max(written, socket?.bytesWritten ?? 0)));
      const given = strange[name];
      if (typeof given === "function") return given(request, response);
      return response.writeHead(given?.status ?? 500, given?.headers).end(given?.body);
    };
    const broker = clients().broker({ [asked]: [reply] });
    const machine = await clients().machine();
    const before = machine.files();
    const started = performance.now();
    const running = machine.start(requestOf(broker, "shell", ["--timeout", `${timeoutSeconds}s`]));
    const peak = watch(running.child);
    const ended = await running.ended;
    const lasted = performance.now() - (broker.journal[0]?.at ?? started);
    expectNothing({ ...ended, way: "shell", before, after: machine.files() });
    expect([1, 4]).toContain(ended.exitCode);
    expect(lasted).toBeLessThan(timeoutSeconds * 1000 + slackMs);
    expect(peak()).toBeLessThan(mostMemory);
    expect(written).toBeLessThan(mostRead);
  });
});
