import { createHash } from "node:crypto";
import { z } from "zod";
import { type Code, codes, statusOf, titleOf } from "../../core/errors.ts";
import { problem } from "./answers.ts";
import { problemFields, problemRequestId } from "./examples.ts";
import { type Answer, type Operation, operations } from "./operations.ts";

type Json = Readonly<Record<string, unknown>>;

/** The document as it is sent. */
export interface Document {
  readonly text: string;
  readonly etag: string;
}

/**
 * The interface of the main listener as OpenAPI 3.1, made of the schemas that check what comes in.
 *
 * @param basePath path of public_url; empty when there is none
 */
export function openApiDocument(basePath: string): Document {
  const text = JSON.stringify({
    openapi: "3.1.0",
    info: {
      title: "actions2aws",
      version: "1",
      description:
        "Short-lived AWS role credentials for GitHub Actions jobs. Every error is a problem of RFC 9457 with a `code`; " +
        "Retry-After says that asking again may help. Other addresses answer 404, other methods 405. " +
        "Numbers are plain integers: 1.0 and 1e3 are malformed.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: basePath || "/" }],
    // Who a request is, it proves itself.
    security: [],
    paths: paths(),
    components: { schemas: schemas(), headers: { RetryAfter: retryAfter }, responses: problems() },
  });
  const etag = `"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"`;
  return { text, etag };
}

function paths(): Json {
  const byPath = Map.groupBy(operations, ({ path }) => path);
  return Object.fromEntries(
    Array.from(byPath, ([path, ofPath]) => [
      path,
      Object.fromEntries(ofPath.map((operation) => [operation.method, operationObject(operation)])),
    ]),
  );
}

function operationObject({
  id,
  summary,
  description,
  request,
  answer,
  codes: own,
}: Operation): Json {
  return {
    operationId: id,
    summary,
    description,
    ...(request && {
      requestBody: {
        required: true,
        content: {
          "application/json": { schema: refTo(request.name), example: request.example },
        },
      },
    }),
    responses: {
      [answer.status]: answerObject(answer),
      ...(answer.cacheable && { 304: { description: "What the caller has still holds." } }),
      ...responsesOf(own, problemObject),
    },
  };
}

function answerObject({ type, description, body, cacheable }: Answer): Json {
  const content = body ? { schema: refTo(body.name), example: body.example } : {};
  const etag = { description: "For If-None-Match.", schema: { type: "string" } };
  return {
    description,
    ...(cacheable && { headers: { ETag: etag } }),
    content: { [type]: content },
  };
}

/** For other addresses, and for other methods of these. */
function problems(): Json {
  return {
    NotFound: problemObject(["not_found"]),
    MethodNotAllowed: problemObject(["method_not_allowed"]),
  };
}

function responsesOf(own: readonly Code[], make: (codes: readonly Code[]) => Json): Json {
  const byStatus = Map.groupBy(
    codes.filter((code) => own.includes(code)),
    statusOf,
  );
  return Object.fromEntries(Array.from(byStatus, ([status, group]) => [status, make(group)]));
}

/** Statuses whose codes may pass when asked again. */
const mayPass = new Set([403, 404, 409, 429, 502, 503]);

/** One status: which codes have it, and how each of them looks. */
function problemObject(own: readonly Code[]): Json {
  const status = statusOf(own[0] ?? "internal_error");
  return {
    description: own.map((code) => `\`${code}\`: ${titleOf(code)}.`).join(" "),
    ...(mayPass.has(status) && {
      headers: { "Retry-After": { $ref: "#/components/headers/RetryAfter" } },
    }),
    content: {
      "application/problem+json": {
        schema: {
          allOf: [
            refTo("Problem"),
            { properties: { status: { const: status }, code: { enum: own } } },
          ],
        },
        examples: Object.fromEntries(own.map((code) => [code, { value: problemExample(code) }])),
      },
    },
  };
}

function problemExample(code: Code): Json {
  const fields = problemFields[code];
  return {
    type: `urn:actions2aws:problem:${code}`,
    title: titleOf(code),
    status: statusOf(code),
    detail: `${titleOf(code)}.`,
    code,
    request_id: problemRequestId,
    ...(fields && { fields }),
  };
}

const retryAfter = {
  description: "Seconds after which asking again may help. Without it, it will not help.",
  schema: { type: "integer", minimum: 1 },
};

function schemas(): Json {
  const shapes = operations.flatMap(({ request, answer }) => [
    ...(request ? [[request.name, schemaOf(request.schema, "input")] as const] : []),
    ...(answer.body ? [[answer.body.name, schemaOf(answer.body.schema, "output")] as const] : []),
  ]);
  return Object.fromEntries([...shapes, ["Problem", schemaOf(problem, "output")]]);
}

/** @param io what may come in, or what goes out */
function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}

function refTo(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}
