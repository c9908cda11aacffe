import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";

/** A connection that says what no client of ours would, byte for byte. */
export class Connection {
  /** What the other side has said so far. */
  heard = "";
  /** Milliseconds from the start until the other side has ended it; resolves with what it has said. */
  readonly ended: Promise<{ text: string; milliseconds: number }>;
  readonly #socket: Socket;

  /** @param socket one that is there already, such as with TLS */
  constructor(url: string, socket: Socket = connectTo(url)) {
    const began = performance.now();
    this.#socket = socket;
    this.#socket.on("data", (chunk: Buffer) => (this.heard += chunk.toString("latin1")));
    // A side that is cut off in the middle of its words is told so; what counts is what it has heard.
    this.#socket.on("error", () => undefined);
    this.ended = new Promise((resolve) => {
      this.#socket.on("close", () =>
        resolve({ text: this.heard, milliseconds: performance.now() - began }),
      );
    });
  }

  /** Bytes that the other side has not been too slow for. */
  get said(): number {
    return this.#socket.bytesWritten;
  }

  say(bytes: string | Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** Says something again and again, as fast as it is taken, up to so many bytes. */
  pour(bytes: string, most: number): void {
    const chunk = Buffer.from(bytes.repeat(Math.max(1, Math.ceil(65_536 / bytes.length))));
    let poured = 0;
    const more = (): void => {
      while (poured < most && this.#socket.writable) {
        poured += chunk.length;
        if (!this.#socket.write(chunk)) return;
      }
    };
    this.#socket.on("drain", more);
    more();
  }

  /** Says it one character at a time, then the last one for ever. */
  drip(text: string, everyMs: number): void {
    let at = 0;
    const timer = setInterval(
      () => this.say(text.charAt(Math.min(at++, text.length - 1))),
      everyMs,
    );
    void this.ended.then(() => clearInterval(timer));
  }

  end(): void {
    this.#socket.destroy();
  }
}

function connectTo(url: string): Socket {
  const { hostname, port } = new URL(url);
  return connect(Number(port), hostname);
}

/** The statuses of the answers in what came over a connection. */
export function statusesIn(text: string): string[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status = ""]) => status);
}

/** Sends bytes as they are; resolves with what came back until the other side has ended, or when time is up. */
export async function exchange(
  to: string | Connection,
  bytes: string,
  withinMs = 15_000,
): Promise<string> {
  const connection = typeof to === "string" ? new Connection(to) : to;
  connection.say(bytes);
  const timer = setTimeout(() => connection.end(), withinMs);
  const { text } = await connection.ended;
  clearTimeout(timer);
  return text;
}

/** A request as text. */
export function requestText(
  target: string,
  body: string,
  { method = "POST", headers = [], host = "x", type = "application/json" }: RequestText = {},
): string {
  const lines = [
    `${method} ${target} HTTP/1.1`,
    `host: ${host}`,
    ...(type === "" ? [] : [`content-type: ${type}`]),
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
    ...headers,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

interface RequestText {
  method?: string;
  headers?: readonly string[];
  host?: string;
  type?: string;
}

/** Memory of a process that is in use, in MiB. */
export function residentMiB(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}
