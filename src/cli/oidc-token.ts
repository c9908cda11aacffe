import { Secret } from "../core/secret.ts";
import type { Deadline } from "./asking.ts";
import { isLoopback } from "../core/loopback.ts";
import { Failure, exitCodes } from "./failure.ts";
import type { Environment, Host } from "./host.ts";
import { type Peer, Unreachable, Wire } from "./wire.ts";

/** Where a job with `permissions: id-token: write` gets tokens that say who it is. */
export interface TokenService {
  readonly url: URL;
  readonly bearer: Secret;
}

/** No token is to be had; another proof may do. */
export class NoToken extends Failure {
  override name = "NoToken";
}

const peer: Peer = {
  name: "the token service",
  setting: "ACTIONS_ID_TOKEN_REQUEST_URL",
  longestBody: 32 * 1024,
};

const mostTries = 4;
const longestTryMs = 4_000;
const firstPauseMs = 500;

/** @returns null in a job that may not have tokens */
export function findTokenService(env: Environment): TokenService | null {
  const text = env.ACTIONS_ID_TOKEN_REQUEST_URL;
  const bearer = env.ACTIONS_ID_TOKEN_REQUEST_TOKEN;
  if (!text || !bearer) return null;
  const wellFormed = /^https?:\/\/[^\s\\#@]+$/i.test(text) && URL.canParse(text);
  const url = wellFormed ? new URL(text) : null;
  // An earlier step may have set it, to have the bearer told to its own server.
  if (
    !url ||
    (url.protocol === "http:" && !isLoopback(url.hostname)) ||
    !/^[\x21-\x7e]+$/.test(bearer)
  ) {
    throw new Failure(
      exitCodes.other,
      "ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN are not as the runner sets them: " +
        "find out what has changed them, or use --proof log",
    );
  }
  return { url, bearer: new Secret(bearer) };
}

/** For this broker and this key alone: elsewhere, or with another key, such a token is worth nothing (O-01). */
export function audienceFor(broker: URL, publicKey: string): string {
  return `${broker.origin}${broker.pathname.replace(/\/+$/, "")}#${publicKey}`;
}

/** @throws {NoToken} when there is none to be had in time */
export async function fetchToken(
  service: TokenService,
  audience: string,
  deadline: Deadline,
  host: Pick<Host, "env" | "sleep" | "random">,
): Promise<Secret> {
  const wire = await Wire.to(service.url, peer, host.env);
  try {
    for (let tries = 1; ; tries++) {
      const answer = await attempt(wire, service, audience, deadline.remainingMs());
      if (answer instanceof Secret) return answer;
      const pause = firstPauseMs * 2 ** (tries - 1) * (0.5 + host.random() / 2);
      if (!answer.mayPass || tries === mostTries || pause >= deadline.remainingMs())
        throw noToken(answer);
      await host.sleep(pause);
    }
  } finally {
    wire.close();
  }
}

interface NotGiven {
  readonly why: string;
  readonly mayPass: boolean;
}

async function attempt(
  wire: Wire,
  { url, bearer }: TokenService,
  audience: string,
  remainingMs: number,
): Promise<Secret | NotGiven> {
  const address = new URL(url);
  address.search += `${address.search === "" ? "?" : "&"}audience=${encodeURIComponent(audience)}`;
  const headers = { authorization: `bearer ${bearer.reveal()}`, accept: "application/json" };
  try {
    const { status, body } = await wire.send(
      { method: "GET", url: address, headers },
      Math.min(longestTryMs, remainingMs),
    );
    const token = status === 200 ? tokenIn(body) : null;
    if (token) return token;
    const why = status === 200 ? "its answer holds no token" : `status ${status}`;
    return { why, mayPass: status >= 500 || status === 429 };
  } catch (error) {
    if (error instanceof Unreachable) return { why: error.message, mayPass: true };
    throw error;
  }
}

function tokenIn(body: string): Secret | null {
  try {
    const answer: unknown = JSON.parse(body);
    const value = typeof answer === "object" && answer && "value" in answer ? answer.value : null;
    return typeof value === "string" && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(value)
      ? new Secret(value)
      : null;
  } catch {
    return null;
  }
}

function noToken({ why, mayPass }: NotGiven): NoToken {
  const next = mayPass ? "try again later" : "does the job have `permissions: id-token: write`?";
  return new NoToken(
    mayPass ? exitCodes.unavailable : exitCodes.denied,
    `GitHub gives no OIDC token (${why}): ${next}`,
  );
}
