import { Agent, type Dispatcher } from "undici";
import { statusClass, type StatusClass } from "./telemetry.ts";

/** One call of another service. */
export interface Call {
  url: string;
  method?: "GET" | "POST";
  headers?: Record<string, string>;
  body?: string;
  /** The most that is read of the answer's body; over it the call fails, never half an answer. */
  maxBytes: number;
  /** How long the whole call may take, with its retries. */
  timeoutMs?: number;
  /** How often it may be sent again when the other side is in trouble. Default 2. */
  retries?: number;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: string;
}

export type Headers = Readonly<Record<string, string>>;

/** No usable answer: the wire broke, time ran out, or too much came. Never holds a URL or header. */
export class NetworkError extends Error {
  override name = "NetworkError";
  readonly kind: "connection" | "timeout" | "too_large" | "encoding";

  constructor(kind: NetworkError["kind"], cause?: unknown) {
    super(`the call failed: ${kind}`, { cause });
    this.kind = kind;
  }
}

/** Told of each try: how it ended, and after how many milliseconds. */
export type OnExchange = (url: string, outcome: StatusClass, milliseconds: number) => void;

const troubled = new Set([500, 502, 503, 504]);
const longestPauseMs = 2_000;

/**
 * The one way out for calls to GitHub: time-outs, size caps, retries with jitter that obey
 * Retry-After, and no redirects, so that nothing secret can be led to another host (F-01, H-19).
 */
export class Network {
  #agent: Dispatcher = openAgent();
  readonly #random: () => number;
  readonly #onExchange: OnExchange | undefined;

  constructor(options: { random?: () => number; onExchange?: OnExchange } = {}) {
    this.#random = options.random ?? Math.random;
    this.#onExchange = options.onExchange;
  }

  /** @throws {NetworkError} when there is no whole answer; any status is an answer, redirects too. */
  async call(call: Call): Promise<Answer> {
    const deadline = performance.now() + (call.timeoutMs ?? 10_000);
    for (let attempt = 0; ; attempt++) {
      const result = await this.#once(call, deadline).catch((error: unknown) =>
        asNetworkError(error),
      );
      const pause = this.#pause(result, attempt);
      const mayRetry = attempt < (call.retries ?? 2) && performance.now() + pause < deadline;
      if (!mayRetry || !isTroubled(result)) {
        if (result instanceof NetworkError) throw result;
        return result;
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /**
   * Goes on with new connections. After a long sleep the other side of a kept one may be gone without a
   * word; what is under way fails as when the wire breaks, and is tried again.
   */
  async renew(): Promise<void> {
    const before = this.#agent;
    this.#agent = openAgent();
    await before.destroy();
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #once(call: Call, deadline: number): Promise<Answer> {
    const began = performance.now();
    let outcome: StatusClass = "error";
    try {
      const answer = await this.#exchange(call, deadline);
      outcome = statusClass(answer.status);
      return answer;
    } finally {
      this.#onExchange?.(call.url, outcome, performance.now() - began);
    }
  }

  #exchange(call: Call, deadline: number): Promise<Answer> {
    const { origin, pathname, search } = new URL(call.url);
    const headers = { "accept-encoding": "identity", ...call.headers };
    const method = call.method ?? "GET";
    return new Promise((resolve, reject) => {
      const collector = new Collector(call.maxBytes, deadline - performance.now(), resolve, reject);
      this.#agent.dispatch(
        { origin, path: pathname + search, method, headers, body: call.body ?? null },
        collector,
      );
    });
  }

  #pause(result: Answer | NetworkError, attempt: number): number {
    const told =
      result instanceof NetworkError ? null : retryAfterSeconds(result.headers, Date.now());
    const jitter = (0.5 + this.#random()) * 100 * 2 ** attempt;
    return told === null ? jitter : told * 1000 + jitter;
  }
}

function openAgent(): Dispatcher {
  return new Agent({
    connections: 64,
    connect: { timeout: 5_000 },
    headersTimeout: 10_000,
    bodyTimeout: 10_000,
    keepAliveTimeout: 30_000,
    maxHeaderSize: 32_768,
  });
}

/** Errors of the wire and of the server may pass; a long Retry-After is for whoever asked, not for us to sit out. */
function isTroubled(result: Answer | NetworkError): boolean {
  if (result instanceof NetworkError) return result.kind === "connection";
  return (
    troubled.has(result.status) &&
    (retryAfterSeconds(result.headers, Date.now()) ?? 0) * 1000 <= longestPauseMs
  );
}

type Controller = Parameters<NonNullable<Dispatcher.DispatchHandler["onRequestStart"]>>[0];
type IncomingHeaders = Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseStart"]>>[2];

/** Collects one answer, within its size and time. */
class Collector implements Dispatcher.DispatchHandler {
  readonly #maxBytes: number;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  #controller: Controller | null = null;
  #status = 0;
  #headers: Headers = {};
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(
    maxBytes: number,
    timeoutMs: number,
    resolve: (answer: Answer) => void,
    reject: (error: unknown) => void,
  ) {
    this.#maxBytes = maxBytes;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(() => this.#fail(new NetworkError("timeout")), Math.max(1, timeoutMs));
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
  }

  onResponseStart(_controller: Controller, status: number, headers: IncomingHeaders): void {
    this.#status = status;
    this.#headers = flatten(headers);
    const encoding = this.#headers["content-encoding"] ?? "identity";
    // Compression was not asked for; what unpacks to gigabytes is not even begun (L-13).
    if (encoding !== "identity") this.#fail(new NetworkError("encoding"));
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > this.#maxBytes) this.#fail(new NetworkError("too_large"));
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    clearTimeout(this.#timer);
    const body = Buffer.concat(this.#chunks).toString("utf8");
    this.#resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#fail(error);
  }

  /** Also while the request waits for a connection, when there is nothing to end yet. */
  #fail(error: Error): void {
    clearTimeout(this.#timer);
    this.#chunks = [];
    this.#reject(error);
    if (!this.#controller?.aborted) this.#controller?.abort(error);
  }
}

function flatten(headers: IncomingHeaders): Headers {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return flat;
}

/** Errors of the wire become ours; a fault of this program stays what it is. */
function asNetworkError(error: unknown): NetworkError {
  if (error instanceof NetworkError) return error;
  const { name, code } = error as NodeJS.ErrnoException;
  if (/Timeout|Abort/.test(name)) return new NetworkError("timeout", error);
  // What is not HTTP comes without a code.
  if (name === "HTTPParserError") return new NetworkError("connection", error);
  if (
    typeof code === "string" &&
    /^(?:UND_ERR_(?!INVALID_ARG)|HPE_|E[A-Z]+$|CERT_|ERR_TLS|ERR_SSL|[A-Z_]*CERT)/.test(code)
  ) {
    return new NetworkError("connection", error);
  }
  throw error;
}

/** Retry-After in seconds, as a number or as a date; null when absent or unreadable. */
export function retryAfterSeconds(headers: Headers, now: number): number | null {
  const value = headers["retry-after"];
  if (value === undefined) return null;
  if (/^\d{1,6}$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now) / 1000));
}
