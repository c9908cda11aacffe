import { type Code, codes } from "../core/errors.ts";
import { addressOf } from "./broker-url.ts";
import { Failure, exitCodes } from "./failure.ts";
import type { Environment } from "./host.ts";
import { oneLine } from "./plain-text.ts";
import { type Peer, Unreachable, Wire, type WireAnswer } from "./wire.ts";

/** The broker's answer. All of it comes from outside: nothing is trusted but its shape. */
export type Answer =
  | { kind: "given"; body: Body }
  | { kind: "problem"; problem: Problem }
  | { kind: "unreachable"; reason: string };

export type Body = Readonly<Record<string, unknown>>;

/** RFC 9457, as far as it could be understood. */
export interface Problem {
  readonly status: number;
  /** null: not the broker's own words; perhaps something on the way to it. */
  readonly code: Code | null;
  readonly detail: string;
  /** Names of grant fields. */
  readonly fields: readonly string[];
  readonly requestId: string;
  readonly retryAfterMs: number | null;
}

const peer: Peer = { name: "the broker", setting: "--url", longestBody: 64 * 1024 };

export class BrokerClient {
  readonly #broker: URL;
  readonly #wire: Wire;
  readonly #now: () => number;

  private constructor(broker: URL, wire: Wire, now: () => number) {
    this.#broker = broker;
    this.#wire = wire;
    this.#now = now;
  }

  static async to(broker: URL, host: { env: Environment; now(): number }): Promise<BrokerClient> {
    return new BrokerClient(broker, await Wire.to(broker, peer, host.env), () => host.now());
  }

  async post(path: string, content: object, timeoutMs: number): Promise<Answer> {
    const url = addressOf(this.#broker, path);
    const body = JSON.stringify(content);
    try {
      const answer = await this.#wire.send({ method: "POST", url, headers, body }, timeoutMs);
      return understand(answer, this.#now());
    } catch (error) {
      if (error instanceof Unreachable) return { kind: "unreachable", reason: error.message };
      throw error;
    }
  }

  close(): void {
    this.#wire.close();
  }
}

const headers = {
  "content-type": "application/json",
  accept: "application/json, application/problem+json",
};

function understand(answer: WireAnswer, now: number): Answer {
  const mediaType = answer.contentType.split(";")[0]?.trim().toLowerCase();
  if (answer.status === 200 || answer.status === 201) {
    const body = mediaType === "application/json" ? parseObject(answer.body) : null;
    if (body) return { kind: "given", body };
    throw new Failure(
      exitCodes.other,
      "what answers at --url does not speak as the broker does: check the address",
    );
  }
  const body = mediaType === "application/problem+json" ? parseObject(answer.body) : null;
  return { kind: "problem", problem: problemFrom(answer, body ?? {}, now) };
}

function problemFrom({ status, retryAfter }: WireAnswer, body: Body, now: number): Problem {
  const fields = Array.isArray(body.fields) ? body.fields : [];
  return {
    status,
    code: codes.find((code) => code === body.code) ?? null,
    detail: textOf(body.detail, 300),
    fields: fields.filter(isFieldName).slice(0, 20),
    requestId: requestIdOf(body),
    retryAfterMs: parseRetryAfter(retryAfter, now),
  };
}

/** Text of the broker's for our own line, or an empty one. */
export function textOf(value: unknown, longest: number): string {
  return typeof value === "string" ? oneLine(value, longest) : "";
}

export function requestIdOf(body: Body): string {
  const { request_id: id } = body;
  return typeof id === "string" && /^[A-Za-z0-9_.:-]{1,100}$/.test(id) ? id : "";
}

function isFieldName(value: unknown): value is string {
  return typeof value === "string" && /^[a-z_]{1,40}$/.test(value);
}

function parseObject(text: string): Body | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Body)
      : null;
  } catch {
    return null;
  }
}

/** Seconds or a date (RFC 9110, 10.2.3) → milliseconds from now; null for neither. */
export function parseRetryAfter(value: string | undefined, now: number): number | null {
  if (value === undefined) return null;
  if (/^[0-9]{1,9}$/.test(value)) return Number(value) * 1000;
  const date = value.endsWith(" GMT") ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
