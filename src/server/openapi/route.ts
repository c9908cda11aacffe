import type { Env, Hono } from "hono";
import { Refusal } from "../../core/errors.ts";
import { type Document, openApiDocument } from "./document.ts";

/** Answers with the OpenAPI document, which is made when it is first asked for, and is the same for everybody. */
export function describeRoutes<E extends Env>(app: Hono<E>, path: string, basePath: string): void {
  let document: Document | undefined;
  app.get(path, (context) => {
    document ??= openApiDocument(basePath);
    context.header("cache-control", "public, max-age=3600");
    context.header("etag", document.etag);
    const known = context.req.header("if-none-match")?.split(",") ?? [];
    if (known.some((tag) => tag.trim().replace(/^W\//, "") === document?.etag))
      return context.body(null, 304);
    return context.body(document.text, 200, { "content-type": "application/json" });
  });
  app.all(path, (context) => {
    context.header("allow", "GET, HEAD");
    throw new Refusal("method_not_allowed", { detail: "Use GET." });
  });
}
