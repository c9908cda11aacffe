import { Agent, type Dispatcher, request } from "undici";

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

const troubled = new Set([500, 502, 503, 504]);
const longestPauseMs = 2_000;

/**
 * The one way out for calls to GitHub: time-outs, size caps, retries with jitter that obey
 * Retry-After, and no redirects, so that nothing secret can be led to another host (F-01, H-19).
 */
export class Network {
  readonly #agent: Dispatcher;
  readonly #random: () => number;

  constructor(options: { random?: () => number } = {}) {
    this.#random = options.random ?? Math.random;
    this.#agent = new Agent({
      connections: 64,
      connect: { timeout: 5_000 },
      headersTimeout: 10_000,
      bodyTimeout: 10_000,
      keepAliveTimeout: 30_000,
      maxHeaderSize: 32_768,
    });
  }

  /** @throws {NetworkError} when there is no whole answer; any status is an answer, redirects too. */
  async call(call: Call, signal?: AbortSignal): Promise<Answer> {
    const deadline = performance.now() + (call.timeoutMs ?? 10_000);
    for (let attempt = 0; ; attempt++) {
      const result = await this.#once(call, deadline, signal).catch((error: unknown) =>
        asNetworkError(error),
      );
      const pause = this.#pause(result, attempt);
      const mayRetry = attempt < (call.retries ?? 2) && performance.now() + pause < deadline;
      if (!mayRetry || !isTroubled(result) || signal?.aborted) {
        if (result instanceof NetworkError) throw result;
        return result;
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #once(call: Call, deadline: number, signal?: AbortSignal): Promise<Answer> {
    const timeout = AbortSignal.timeout(Math.max(1, Math.ceil(deadline - performance.now())));
    const answer = await request(call.url, {
      dispatcher: this.#agent,
      method: call.method ?? "GET",
      headers: { "accept-encoding": "identity", ...call.headers },
      body: call.body ?? null,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    return {
      status: answer.statusCode,
      headers: flatten(answer.headers),
      body: await readBody(answer, call.maxBytes),
    };
  }

  #pause(result: Answer | NetworkError, attempt: number): number {
    const told =
      result instanceof NetworkError ? null : retryAfterSeconds(result.headers, Date.now());
    const jitter = (0.5 + this.#random()) * 100 * 2 ** attempt;
    return told === null ? jitter : told * 1000 + jitter;
  }
}

/** Errors of the wire and of the server may pass; a long Retry-After is for whoever asked, not for us to sit out. */
function isTroubled(result: Answer | NetworkError): boolean {
  if (result instanceof NetworkError) return result.kind === "connection";
  return (
    troubled.has(result.status) &&
    (retryAfterSeconds(result.headers, Date.now()) ?? 0) * 1000 <= longestPauseMs
  );
}

async function readBody(answer: Dispatcher.ResponseData, maxBytes: number): Promise<string> {
  const encoding = answer.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    // Compression was not asked for; what unpacks to gigabytes is not even begun (L-13).
    answer.body.destroy();
    throw new NetworkError("encoding");
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      answer.body.destroy();
      throw new NetworkError("too_large");
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function flatten(headers: Dispatcher.ResponseData["headers"]): Headers {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return flat;
}

/** Errors of the wire become ours; a fault of this program stays what it is. */
function asNetworkError(error: unknown): NetworkError {
  if (error instanceof NetworkError) return error;
  const { name = "", code } = error as NodeJS.ErrnoException;
  if (/Timeout|Abort/.test(name)) return new NetworkError("timeout", error);
  if (typeof code === "string" && /^(?:UND_ERR_|HPE_|E[A-Z]+$|CERT_|ERR_TLS|ERR_SSL|[A-Z_]*CERT)/.test(code)) {
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
