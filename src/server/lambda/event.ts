import { z } from "zod";
import type { Arrival } from "../app.ts";

/**
 * A request as an HTTP API of API Gateway hands it on, in payload format 2.0; what the broker does not
 * need of it is left out. API Gateway has put headers of one name together with commas, and their names
 * in lower case.
 */
const event = z.object({
  version: z.literal("2.0"),
  rawPath: z.string(),
  rawQueryString: z.string().default(""),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().default(false),
  requestContext: z.object({
    stage: z.string(),
    /** When API Gateway got the request, milliseconds since 1970. */
    timeEpoch: z.number(),
    http: z.object({ method: z.string(), sourceIp: z.string() }),
  }),
});

export type HttpEvent = z.output<typeof event>;

/** What API Gateway takes for an answer. */
export interface HttpResult {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
  isBase64Encoded: boolean;
}

/** @throws {z.ZodError} for what no HTTP API sends: the function is called by it alone */
export function parseEvent(given: unknown): HttpEvent {
  return event.parse(given);
}

/** The headers that the broker reads. */
const read = ["content-type", "if-none-match", "x-forwarded-for"];

export function requestOf({ requestContext, headers, body, isBase64Encoded }: HttpEvent): Request {
  // What no Request can have is refused as any other method is, and is no error of the function's.
  const asked = requestContext.http.method;
  const method = /^(?:CONNECT|TRACE|TRACK)$/i.test(asked) ? "OPTIONS" : asked;
  const bytes = Buffer.from(body ?? "", isBase64Encoded ? "base64" : "utf8");
  const given = read.flatMap((name) => {
    const value = headers[name];
    // What is no text of a header's would be an error of ours, not of whoever sent it.
    return value !== undefined && /^[\t\x20-\x7E\x80-\xFF]*$/.test(value) ? [[name, value]] : [];
  });
  // By the body as it is: what the caller says of its length is not asked (H-17).
  const all = [...given, ["content-length", String(bytes.length)]];
  const bodiless = method === "GET" || method === "HEAD";
  // Where it was sent to stands in the arrival, as it was sent: a URL would put it right (H-18).
  return new Request("https://broker.invalid/", {
    method,
    headers: Object.fromEntries(all) as Record<string, string>,
    body: bodiless ? null : bytes,
  });
}

/** Whose request it is, API Gateway has seen itself; X-Forwarded-For counts behind a trusted proxy alone (H-10). */
export function arrivalOf(
  { requestContext, rawPath, rawQueryString }: HttpEvent,
  decideBy: number,
): Arrival {
  const { stage, http } = requestContext;
  const path = stage === "$default" ? rawPath : below(`/${stage}`, rawPath);
  return {
    incoming: {
      url: rawQueryString === "" ? path : `${path}?${rawQueryString}`,
      socket: { remoteAddress: http.sourceIp },
    },
    decideBy,
  };
}

/** A stage that has a name is the first part of the path. */
function below(stage: string, path: string): string {
  return path === stage || path.startsWith(`${stage}/`) ? path.slice(stage.length) || "/" : path;
}

export async function resultOf(response: Response): Promise<HttpResult> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const binary = response.headers.get("content-type") === "application/octet-stream";
  return {
    statusCode: response.status,
    headers: Object.fromEntries(response.headers),
    body: bytes.toString(binary ? "base64" : "utf8"),
    isBase64Encoded: binary,
  };
}
