import type { IncomingMessage, ServerResponse } from "node:http";
import { text as readBody } from "node:stream/consumers";
import { once } from "node:events";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";

import { serialize, type Answer, type Request } from "./answer.ts";
import type { Fault } from "./fault.ts";

/** Reads a request whole. The path is cut by hand: `new URL` would fold `..` and drop tabs. */
export async function receive(incoming: IncomingMessage): Promise<Request> {
  const body = await readBody(incoming);
  const path = incoming.url ?? "/";
  const mark = path.indexOf("?");
  return {
    method: incoming.method ?? "GET",
    path,
    pathname: mark < 0 ? path : path.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? "" : path.slice(mark + 1)),
    headers: incoming.headers,
    body,
  };
}

/** Writes an answer, cut or slowed as the fault says. */
export async function send(
  response: ServerResponse,
  answer: Answer,
  request: Request,
  fault: Fault | undefined,
): Promise<void> {
  const body = Buffer.from(serialize(answer.body));
  const bare = answer.status === 304 || answer.status === 204;
  response.writeHead(
    answer.status,
    bare || fault?.endless === true
      ? answer.headers
      : { ...answer.headers, "content-length": String(body.length) },
  );
  if (bare || request.method === "HEAD") {
    response.end();
  } else if (fault?.truncate === true) {
    // Flushed first, so that the reader has the headers and half of the body when the line goes dead.
    await new Promise<void>((resolve) =>
      response.write(body.subarray(0, Math.floor(body.length / 2)), () => resolve()),
    );
    response.destroy();
  } else if (fault?.endless === true) {
    await pour(response, body);
  } else if (fault?.trickle !== undefined) {
    for (const byte of body) {
      if (response.destroyed) return;
      response.write(Buffer.of(byte));
      await sleep(fault.trickle);
    }
    response.end();
  } else {
    response.end(body);
  }
}

/** Until the reader has had enough. */
async function pour(response: ServerResponse, body: Buffer): Promise<void> {
  const closed = new Promise<void>((resolve) => void response.once("close", resolve));
  while (!response.destroyed) {
    if (response.write(body)) await nextTurn();
    else await Promise.race([closed, once(response, "drain").catch(() => undefined)]);
  }
}
