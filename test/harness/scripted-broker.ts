import { randomUUID } from "node:crypto";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { armor, Encrypter } from "age-encryption";
import { onTestFinished } from "vitest";

export const challenge = "c1.t0k3n0.abcdefghijklmnop.AbCdEfGhIjKlMnOpQrStUv";
export const ticket = `${challenge}.ZyXwVuTsRqPoNmLkJiHgFe`;
export const requestId = "req-0123456789";

export const goodCredentials = {
  AccessKeyId: "ASIAIOSFODNN7EXAMPLE",
  SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  SessionToken: `IQoJb3JpZ2luX2VjE${"aZ09/+".repeat(60)}==`,
  Expiration: new Date(Date.now() + 900_000).toISOString(),
  RenewalToken: "r1.abcdefghijklmnopqrstuvwxyz",
};

export interface Asked {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  /** Byte for byte. */
  text: string;
  body: Record<string, unknown>;
  /** When it came. */
  at: number;
}

/** One answer: a status with a body and headers, or whatever the function does to the response. */
export type Reply =
  | { status: number; headers?: Record<string, string>; body?: unknown }
  | ((asked: Asked, response: ServerResponse) => unknown);

/** Answers in order; the last of each list again and again. */
export interface Script {
  challenges?: Reply[];
  credentials?: Reply[];
  renewals?: Reply[];
}

export interface ScriptedBroker {
  readonly url: string;
  readonly port: number;
  readonly journal: readonly Asked[];
  asked(path: string): readonly Asked[];
}

/** A real HTTP server that says what it is told to; without a script, what a good broker says. */
export async function scriptedBroker(script: Script = {}, tls?: Tls): Promise<ScriptedBroker> {
  const brokers = await ScriptedBrokers.start(tls);
  onTestFinished(() => brokers.close());
  return brokers.at("", script);
}

export interface Tls {
  readonly key: string;
  readonly cert: string;
}

interface Scene extends ScriptedBroker {
  readonly script: Script;
  readonly journal: Asked[];
}

/** Many brokers at one port, each under a path of its own. */
export class ScriptedBrokers {
  readonly #scenes = new Map<string, Scene>();
  readonly #server: Server;
  readonly #scheme: string;

  private constructor(tls: Tls | undefined) {
    const answer: RequestListener = (request, response) => this.#answer(request, response);
    this.#server = tls ? createTlsServer(tls, answer) : createServer(answer);
    this.#scheme = tls ? "https" : "http";
  }

  static async start(tls?: Tls): Promise<ScriptedBrokers> {
    const brokers = new ScriptedBrokers(tls);
    await new Promise<void>((resolve) => brokers.#server.listen(0, "127.0.0.1", resolve));
    return brokers;
  }

  /** @param base the path before `/v1`; left out, one that nobody else has */
  at(base = `/broker-${this.#scenes.size}`, script: Script = {}): ScriptedBroker {
    const { port } = this.#server.address() as AddressInfo;
    const journal: Asked[] = [];
    const scene: Scene = {
      // Those for https have a certificate with a name, which only their callers know.
      url: `${this.#scheme}://127.0.0.1:${port}${base}`,
      port,
      script,
      journal,
      asked: (path) => journal.filter((each) => each.path === path),
    };
    this.#scenes.set(base, scene);
    return scene;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const base = [...this.#scenes.keys()].find((each) => url.startsWith(`${each}/`)) ?? "";
      const scene = this.#scenes.get(base);
      if (!scene) return response.writeHead(404).end();
      const asked = {
        method,
        path: url.slice(base.length),
        headers,
        text,
        body: parse(text),
        at: performance.now(),
      };
      scene.journal.push(asked);
      return void play(nextOf(scene, asked), asked, response);
    });
  }
}

function nextOf({ script, journal }: Scene, { path }: Asked): Reply {
  const [, kind = "credentials"] = /\/v1\/(challenges|renewals)$/.exec(path) ?? [];
  const replies = script[kind as keyof Script];
  const fallback = kind === "challenges" ? goodChallenge : goodAnswer;
  const before = journal.filter((each) => each.path === path).length - 1;
  return replies?.[Math.min(before, replies.length - 1)] ?? fallback;
}

/** An armored age file, made by the library itself. */
export async function seal(recipient: string, text: string): Promise<string> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return armor.encode(await encrypter.encrypt(text));
}

export const goodChallenge: Reply = async (asked, response) => {
  const body = {
    challenge,
    ticket: await seal(String(asked.body.public_key), ticket),
    expires_at: later(),
  };
  play({ status: 201, body }, asked, response);
};

export const goodAnswer: Reply = answerWith(goodCredentials);

/** Credentials unlike all others, sealed to the key of the proof, also when they are renewals. */
export function freshAnswers(lives: { lifeMs?: number; renewalAfterMs?: number } = {}): Reply {
  const { lifeMs = 900_000 } = lives;
  const { renewalAfterMs = (lifeMs * 2) / 3 } = lives;
  return (asked, response) => {
    const unique = randomUUID().replaceAll("-", "");
    const credentials = {
      ...goodCredentials,
      AccessKeyId: `ASIAY34FZKBOK${letters(unique).slice(0, 7)}`,
      SessionToken: unique.repeat(8),
      Expiration: new Date(Date.now() + lifeMs).toISOString(),
      RenewalToken: `r1.${unique}~${keyOf(asked)}`,
    };
    const outside = { renewal_after: new Date(Date.now() + renewalAfterMs).toISOString() };
    return play(answerWith(credentials, outside), asked, response);
  };
}

/** A renewal is sealed to the key that its token names. */
function keyOf({ body }: Asked): string {
  const { public_key: key, renewal_token: token } = body;
  return String(typeof token === "string" ? token.split("~")[1] : key);
}

/** Hexadecimal digits as letters of AWS's key ids. */
function letters(digits: string): string {
  return digits.replaceAll(/[0-9]/g, (digit) => "GHIJKLMNOP".charAt(Number(digit))).toUpperCase();
}

/** The answer of a good broker around sealed fields that may be anything. */
export function answerWith(credentials: unknown, outside: Record<string, unknown> = {}): Reply {
  return async (asked, response) => {
    const text = typeof credentials === "string" ? credentials : JSON.stringify(credentials);
    const body = {
      credentials: await seal(keyOf(asked), text),
      expiration: goodCredentials.Expiration,
      grant: "shop-deploy",
      renewal_after: later(),
      request_id: requestId,
      ...outside,
    };
    play({ status: 200, body }, asked, response);
  };
}

export function problem(
  status: number,
  code: string,
  more: Record<string, unknown> = {},
  headers = {},
): Reply {
  return {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
    body: { type: "about:blank", title: code, status, code, request_id: requestId, ...more },
  };
}

function play(reply: Reply, asked: Asked, response: ServerResponse): unknown {
  if (typeof reply === "function") return reply(asked, response);
  const body = typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body ?? {});
  response.writeHead(reply.status, { "content-type": "application/json", ...reply.headers });
  return response.end(body);
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { unreadable: text };
  }
}

function later(): string {
  return new Date(Date.now() + 300_000).toISOString();
}
