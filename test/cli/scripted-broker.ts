import { randomUUID } from "node:crypto";
import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { seal } from "../../src/core/seal.ts";

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
export async function scriptedBroker(
  script: Script = {},
  tls?: { key: string; cert: string },
): Promise<ScriptedBroker> {
  const journal: Asked[] = [];
  const answer: RequestListener = (request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const asked = { method, path: url, headers, body: parse(text), at: performance.now() };
      journal.push(asked);
      const [, kind = "credentials"] = /\/v1\/(challenges|renewals)$/.exec(url) ?? [];
      const replies = script[kind as keyof Script];
      const fallback = url.endsWith("/v1/challenges") ? goodChallenge : goodAnswer;
      const before = journal.filter(({ path }) => path === url).length - 1;
      const reply = replies?.[Math.min(before, replies.length - 1)] ?? fallback;
      void play(reply, asked, response);
    });
  };
  const server = tls ? createTlsServer(tls, answer) : createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    journal,
    asked: (path) => journal.filter((each) => each.path === path),
  };
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
