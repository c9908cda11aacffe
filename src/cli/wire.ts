import type { Agent, IncomingMessage, RequestOptions, request as httpRequest } from "node:http";
import { Failure, exitCodes, systemCode } from "./failure.ts";
import type { Environment } from "./host.ts";
import { proxyFor } from "./proxy.ts";
import { version } from "./version.ts";

/** What came back, whatever its status. */
export interface WireAnswer {
  status: number;
  contentType: string;
  retryAfter: string | undefined;
  body: string;
}

/** No whole answer came; asking again may help. */
export class Unreachable extends Error {
  override name = "Unreachable";
}

/** Who is asked, as our lines name it. */
export interface Peer {
  /** `the broker` */
  readonly name: string;
  /** What to look at when it answers strangely: `--url`. */
  readonly setting: string;
  /** The most that is read of an answer. */
  readonly longestBody: number;
}

/** One message to the peer. */
export interface Message {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * The one way out, with a time-out, a size cap, no redirects (C-04) and TLS as Node checks it. The
 * same connection serves challenge and credentials.
 */
export class Wire {
  readonly #peer: Peer;
  readonly #agent: Agent;
  readonly #request: typeof httpRequest;

  private constructor(peer: Peer, agent: Agent, request: typeof httpRequest) {
    this.#peer = peer;
    this.#agent = agent;
    this.#request = request;
  }

  /**
   * Loads node:https, which takes a while, only where it is needed.
   *
   * @param address https, or http to this machine: who calls has seen to that
   */
  static async to(address: URL, peer: Peer, env: Environment): Promise<Wire> {
    if (env.NODE_TLS_REJECT_UNAUTHORIZED === "0") {
      // An earlier step may have set it for this very purpose (C-11).
      throw new Failure(
        exitCodes.other,
        `NODE_TLS_REJECT_UNAUTHORIZED=0 switches off the check of ${peer.name}'s certificate: unset it ` +
          "(a private CA goes into NODE_EXTRA_CA_CERTS)",
      );
    }
    if (env.NODE_DEBUG) {
      // Node would print our headers into the log, tokens too (F-20).
      throw new Failure(
        exitCodes.other,
        `NODE_DEBUG prints what is sent to ${peer.name}, tokens too: unset it (NODE_DEBUG= actions2aws …)`,
      );
    }
    const proxyEnv = proxyFor(address, env);
    const { Agent, request } =
      address.protocol === "https:" ? await import("node:https") : await import("node:http");
    return new Wire(
      peer,
      new Agent({ keepAlive: true, ...(proxyEnv && { proxyEnv: { ...proxyEnv } }) }),
      request,
    );
  }

  /** @throws {Unreachable} when there is no whole answer in time; {Failure} when it must not be taken */
  async send(message: Message, timeoutMs: number): Promise<WireAnswer> {
    try {
      return await this.#send(message, timeoutMs);
    } catch (error) {
      if (error instanceof Failure) throw error;
      const code = systemCode(error);
      if (isCertificateFault(code)) {
        const cure = `check ${this.#peer.setting}; a private CA goes into NODE_EXTRA_CA_CERTS`;
        throw new Failure(
          exitCodes.other,
          `${this.#peer.name}'s certificate is not accepted (${code}): ${cure}`,
        );
      }
      throw new Unreachable(
        isTimeout(error) ? "no answer in time" : code || "the connection failed",
      );
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #send({ method, url, headers, body }: Message, timeoutMs: number): Promise<WireAnswer> {
    const options: RequestOptions = {
      method,
      agent: this.#agent,
      signal: AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs))),
      headers: {
        ...headers,
        ...(body !== undefined && { "content-length": Buffer.byteLength(body) }),
        "user-agent": `actions2aws/${version}`,
      },
    };
    return new Promise((resolve, reject) => {
      let isAnswered = false;
      const request = this.#request(url, options, (answer) => {
        isAnswered = true;
        read(answer, this.#peer).then(resolve, (error: unknown) => {
          request.destroy();
          reject(error);
        });
      });
      request.on("error", reject);
      // A 101 that nobody asked for ends the connection without an error, and we would wait for ever (C-17).
      request.on("close", () => {
        if (!isAnswered) reject(new Error("the connection was closed"));
      });
      request.end(body);
    });
  }
}

async function read(
  answer: IncomingMessage,
  { name, setting, longestBody }: Peer,
): Promise<WireAnswer> {
  const status = answer.statusCode ?? 0;
  if (status >= 300 && status < 400) {
    throw new Failure(
      exitCodes.other,
      `unexpected_redirect: ${name}'s address answers with a redirect (${status}), which is never followed: ` +
        `give ${name}'s final address by ${setting}`,
    );
  }
  if ((answer.headers["content-encoding"] ?? "identity") !== "identity") {
    throw new Failure(
      exitCodes.other,
      `${name}'s answer is compressed, which was not asked for: check ${setting}`,
    );
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > longestBody)
      throw new Failure(exitCodes.other, `${name}'s answer is too large: check ${setting}`);
    chunks.push(chunk);
  }
  return {
    status,
    contentType: answer.headers["content-type"] ?? "",
    retryAfter: answer.headers["retry-after"],
    body: Buffer.concat(chunks).toString("utf8"),
  };
}

/** Names of OpenSSL's verification errors, and Node's own. Asking again does not mend them. */
function isCertificateFault(code: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE/.test(code);
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && ["AbortError", "TimeoutError"].includes(error.name);
}
