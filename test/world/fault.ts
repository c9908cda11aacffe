import { gzipSync } from "node:zlib";

import type { Answer, Request } from "./answer.ts";

/** A pattern is tried on the raw path with its query, and on "METHOD path". */
export type Match = RegExp | ((request: Request) => boolean);

/** What goes wrong. Fields combine; what is left out stays as the service would have it. */
export interface Fault {
  readonly match?: Match;
  /** How often it strikes; always, until removed, when left out. */
  readonly times?: number;
  readonly status?: number;
  /** Changes the status alone: the rest of the answer is the right one. */
  readonly statusAlone?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  /** Milliseconds before the answer, besides the latency of the service. */
  readonly delay?: number;
  /** Never answers; the connection stays open until the fault is removed or the world closes. */
  readonly hang?: boolean;
  /** Cuts the connection without a word. */
  readonly reset?: boolean;
  /** Promises the whole body and cuts the connection in the middle of it. */
  readonly truncate?: boolean;
  /** Sends one byte of the body each so many milliseconds. */
  readonly trickle?: number;
  /** Sends the body again and again, as fast as it is read, without an end. */
  readonly endless?: boolean;
  /** Answers 302 (or `status`) to this address. */
  readonly redirect?: string;
  /** Answers with so many bytes of spaces, compressed to next to nothing. */
  readonly gzipBomb?: number;
}

export interface Handle {
  /** How often it has been used. */
  readonly used: number;
  remove(): void;
}

export function matches(match: Match | undefined, request: Request): boolean {
  if (match === undefined) return true;
  if (typeof match === "function") return match(request);
  // search() ignores lastIndex, so a pattern with the g flag matches each time.
  return request.path.search(match) >= 0 || `${request.method} ${request.path}`.search(match) >= 0;
}

/** The answer as the fault makes it; how it then travels is the service's part. */
export function spoiled<Note extends object>(
  answer: Answer<Note>,
  fault: Fault,
  errorAnswer: (status: number) => Answer,
): Answer<Note> {
  let { status, headers, body } = answer;
  if (fault.statusAlone !== undefined) status = fault.statusAlone;
  if (fault.status !== undefined && fault.status !== status)
    ({ status, headers, body } = errorAnswer(fault.status));
  if (fault.redirect !== undefined) {
    status = fault.status ?? 302;
    headers = { location: fault.redirect };
    body = "";
  }
  if (fault.gzipBomb !== undefined) {
    body = gzipSync(Buffer.alloc(fault.gzipBomb, " "));
    headers = { ...headers, "content-encoding": "gzip" };
  }
  return { ...answer, status, headers: { ...headers, ...fault.headers }, body: fault.body ?? body };
}
