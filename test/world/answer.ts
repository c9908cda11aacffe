import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** A request as it came over the wire. `path` is raw: nothing is folded or decoded, so tests see what was sent. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly pathname: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a simulator says to a request, before latency, faults and the socket have their turn. */
export interface Answer<Note extends object = object> {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array | { readonly json: unknown };
  /** Gets a weak ETag, and becomes an empty 304 for who already has it. */
  readonly conditional?: boolean;
  /** How much of the rate limit it uses; set by the service that has one. */
  readonly cost?: number;
  /** What the journal should remember besides the request itself. */
  readonly note?: Note;
}

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/json; charset=utf-8", ...headers },
    body: { json: value },
    conditional: status === 200,
  };
}

export function text(body: string, status = 200, type = "text/plain; charset=utf-8"): Answer {
  return { status, headers: { "content-type": type }, body };
}

export function html(body: string, status = 200): Answer {
  return text(body, status, "text/html; charset=utf-8");
}

export function xml(body: string, status = 200): Answer {
  return text(body, status, "text/xml");
}

export function redirect(location: string, status = 302): Answer {
  return {
    status,
    headers: { "content-type": "text/html; charset=utf-8", location },
    body: `<html><body>You are being <a href="${location}">redirected</a>.</body></html>`,
  };
}

/** The body as it goes out. */
export function serialize(body: Answer["body"]): string | Uint8Array {
  return typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body.json);
}

/** Adds the ETag; the answer to a reader who names it in If-None-Match is 304 without a body. */
export function revalidated<Note extends object>(
  answer: Answer<Note>,
  request: Request,
): Answer<Note> {
  if (answer.conditional !== true || answer.status !== 200) return answer;
  const body = serialize(answer.body);
  const etag = `W/"${createHash("sha256").update(body).digest("hex")}"`;
  const headers = { ...answer.headers, etag };
  const known = request.headers["if-none-match"]?.split(",").map((tag) => tag.trim()) ?? [];
  const weak = known.map((tag) => (tag.startsWith("W/") ? tag : `W/${tag}`));
  if (known.includes("*") || weak.includes(etag))
    return { ...answer, status: 304, headers, body: "" };
  return { ...answer, headers, body };
}
