import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Logger } from "pino";
import { type Code, Refusal, statusOf, titleOf } from "../core/errors.ts";
import { namesRepository } from "../core/policy.ts";
import type { Broker } from "./broker.ts";
import type { Caller, Rules } from "./broker-parts.ts";
import type { ClientAddresses } from "./client-address.ts";
import type { Limits } from "./limits.ts";
import type { Problem } from "./openapi/answers.ts";
import { describeRoutes } from "./openapi/route.ts";

export interface AppParts {
  broker: Broker;
  rules: () => Rules;
  addresses: ClientAddresses;
  limits: Limits;
  logger: Logger;
  requestId: () => string;
  /** Path of public_url, for proxies that pass it on; empty when there is none. */
  basePath: string;
}

/** A request as it came: as Node's HTTP has it, or as much of that as an event tells. */
export interface Arrival {
  readonly incoming: {
    /** The path as it was sent, with its query. */
    readonly url?: string | undefined;
    readonly socket: { readonly remoteAddress?: string | undefined };
    /** What broke it off, where it can break off. */
    readonly errored?: Error | null | undefined;
  };
  /** Until when AWS must be asked, by the monotonic clock, where an answer that comes later gets lost. */
  readonly decideBy?: number | undefined;
}

type Env = {
  Bindings: Arrival;
  /** `beyondLimit`: what the address has used up, if so; see Limits. */
  Variables: { requestId: string; beyondLimit: Refusal | null };
};

/** A request is a few hundred bytes, with an OIDC token a few thousand. */
const maxBodyBytes = 32 * 1024;

/** The broker's HTTP: routes, and every error as RFC 9457 problem details. */
export function createApp(parts: AppParts): Hono<Env> {
  const app = new Hono<Env>({ getPath: exactPath });
  app.use(async (context, next) => {
    context.set("requestId", parts.requestId());
    await next();
    // Answers are for one job, once; no cache may keep them (H-21). What is for all says so itself.
    if (!context.res.headers.has("cache-control")) context.header("cache-control", "no-store");
    context.header("x-content-type-options", "nosniff");
  });
  const prefixes = new Set(["", parts.basePath]);
  for (const prefix of prefixes) {
    describeRoutes(app, `${prefix}/openapi.json`, parts.basePath);
    post(app, `${prefix}/v1/challenges`, parts, 201, (body, caller) =>
      parts.broker.challenge(body, caller),
    );
    post(app, `${prefix}/v1/renewals`, parts, 200, (body, caller) =>
      parts.broker.renewal(body, caller),
    );
    post(app, `${prefix}/v1/credentials`, parts, 200, (body, caller) =>
      parts.broker.credentials(body, caller),
    );
    // The original's clients post to the address that they were given, with or without a slash.
    for (const path of new Set([prefix || "/", `${prefix}/`])) {
      post(app, path, parts, 200, (body, caller) => parts.broker.legacy(body, caller));
    }
  }
  app.notFound((context) => problem(context, new Refusal("not_found")));
  app.onError((error, context) => {
    if (error instanceof Refusal) return problem(context, error);
    if (brokeOff(context)) return problem(context, new Refusal("invalid_request"));
    parts.logger.error(
      { request_id: context.get("requestId"), error: describeError(error) },
      "internal error",
    );
    return problem(context, new Refusal("internal_error"));
  });
  return app;
}

/** Paths count as they were sent: nothing is decoded or folded (H-18). A query would be an address of its own. */
function exactPath(_request: Request, options?: { env?: Arrival | undefined }): string {
  return options?.env?.incoming.url ?? "/";
}

function post(
  app: Hono<Env>,
  path: string,
  parts: AppParts,
  status: 200 | 201,
  handle: (body: string, caller: Caller) => Promise<object | Uint8Array>,
): void {
  app.post(
    path,
    async (context, next) => {
      context.set("beyondLimit", await parts.limits.admitAddress(addressOf(context, parts)));
      assertJson(context.req.header("content-type"));
      await next();
    },
    bodyLimit({
      maxSize: maxBodyBytes,
      onError: () => {
        throw new Refusal("too_large", { detail: "A request is at most 32 KiB." });
      },
    }),
    async (context) => {
      const started = performance.now();
      const body = await admittedBody(context, parts);
      const caller = callerOf(context, parts);
      const log = { request_id: caller.requestId, path, address: caller.address };
      try {
        const answer = await handle(body, caller);
        // A challenge is an everyday thing that decides nothing.
        const level = status === 200 ? "info" : "debug";
        parts.logger[level](
          { ...log, status, ms: Math.round(performance.now() - started) },
          "answered",
        );
        if (!(answer instanceof Uint8Array)) return context.json(answer, status);
        return context.body(new Uint8Array(answer), status, {
          "content-type": "application/octet-stream",
        });
      } catch (error) {
        if (error instanceof Refusal) {
          const { code, note, fields } = error;
          parts.logger.info(
            { ...log, code, fields, note, ms: Math.round(performance.now() - started) },
            "refused",
          );
        }
        throw error;
      }
    },
  );
  app.all(path, (context) => {
    context.header("allow", "POST");
    return problem(context, new Refusal("method_not_allowed", { detail: "Use POST." }));
  });
}

/** @throws {Refusal} rate_limited */
async function admittedBody(context: Context<Env>, parts: AppParts): Promise<string> {
  const body = await context.req.text();
  const refusal = context.get("beyondLimit");
  if (refusal) {
    const standing = parts.broker.standing(body);
    await parts.limits.admitBeyond(addressOf(context, parts), standing, refusal);
  }
  return body;
}

/** Whoever stops in the middle of a body hears no answer any more, and it is no fault of ours (H-17). */
function brokeOff({ env }: Context<Env>): boolean {
  return env.incoming.errored instanceof Error;
}

function callerOf(context: Context<Env>, parts: AppParts): Caller {
  const address = addressOf(context, parts);
  return {
    requestId: context.get("requestId"),
    address,
    decideBy: context.env.decideBy,
    // Limits of repositories are kept for those that a grant names, so that no flood of names fills them.
    admit: async (asked) => {
      const isNamed = namesRepository(parts.rules().policy, asked.repository);
      if (isNamed && !context.get("beyondLimit")) await parts.limits.admitRun(address, asked);
    },
    admitProved: (asked) => parts.limits.admitProved(asked),
  };
}

function addressOf(context: Context<Env>, parts: AppParts): string {
  const peer = context.env.incoming.socket.remoteAddress ?? "";
  return parts.addresses.of(peer, context.req.header("x-forwarded-for"));
}

/** A browser's form or text can't reach us (H-16). */
function assertJson(contentType: string | undefined): void {
  if (!/^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(contentType ?? "")) {
    throw new Refusal("unsupported_media_type", { detail: "Send application/json in UTF-8." });
  }
}

function problem(context: Context<Env>, refusal: Refusal): Response {
  const { code, detail, fields, retryAfter } = refusal;
  const body: Problem = {
    type: problemType(code),
    title: titleOf(code),
    status: statusOf(code),
    detail: detail ?? `${titleOf(code)}.`,
    code,
    request_id: context.get("requestId"),
    ...(fields.length > 0 && { fields: [...fields] }),
  };
  const headers: Record<string, string> = {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
  };
  return context.body(JSON.stringify(body), statusOf(code) as ContentfulStatusCode, headers);
}

function problemType(code: Code): string {
  return `urn:actions2aws:problem:${code}`;
}

/** A name and where, without the message: messages may quote what they choked on. */
function describeError(error: Error): { name: string; stack: string[] } {
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return { name: error.name, stack: frames.slice(0, 8).map((line) => line.trim()) };
}
