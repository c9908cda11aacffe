import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** The part of JSON Schema (OpenAPI 3.0) that GitHub's description uses. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly nullable?: boolean;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly required?: readonly string[];
  readonly properties?: Record<string, Schema>;
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

interface Response {
  readonly $ref?: string;
  readonly content?: Record<string, { readonly schema: Schema }>;
}

interface Description {
  readonly paths: Record<string, Record<string, { readonly responses: Record<string, Response> }>>;
  readonly components: {
    readonly schemas: Record<string, Schema>;
    readonly responses: Record<string, Response>;
  };
}

/** GitHub's own description of its REST API. */
export class GitHubDescription {
  readonly #description: Description;

  constructor() {
    const file = createRequire(import.meta.url).resolve(
      "@octokit/openapi/generated/api.github.com.json",
    );
    this.#description = JSON.parse(readFileSync(file, "utf8"));
  }

  /** What is wrong with an answer to `method path` (the path as the description writes it), one line a fault. */
  faults(method: string, path: string, status: number, body: unknown): string[] {
    const declared = this.#description.paths[path]?.[method]?.responses[String(status)];
    const name = declared?.$ref?.split("/").at(-1);
    const response = name === undefined ? declared : this.#description.components.responses[name];
    const schema = response?.content?.["application/json"]?.schema;
    return schema === undefined
      ? [`${method} ${path} has no JSON answer ${status}`]
      : this.check(schema, body, "");
  }

  /** What is wrong with a value that should be as the named component has it. */
  faultsOf(component: string, value: unknown): string[] {
    return this.check(this.#component(component), value, "");
  }

  check(schema: Schema, value: unknown, at: string): string[] {
    if (schema.$ref !== undefined)
      return this.check(this.#component(schema.$ref.split("/").at(-1) ?? ""), value, at);
    if (value === null) return schema.nullable === true ? [] : [`${at}: null`];
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices !== undefined) {
      const found = choices.map((choice) => this.check(choice, value, at));
      return found.some((faults) => faults.length === 0) ? [] : (found[0] ?? []);
    }
    const all = (schema.allOf ?? []).flatMap((part) => this.check(part, value, at));
    return [...all, ...typeFaults(schema, value, at), ...this.#inside(schema, value, at)];
  }

  #inside(schema: Schema, value: unknown, at: string): string[] {
    if (Array.isArray(value)) {
      const { items } = schema;
      return items === undefined
        ? []
        : value.flatMap((item: unknown, index) => this.check(items, item, `${at}[${index}]`));
    }
    if (typeof value !== "object" || value === null) return [];
    const missing = (schema.required ?? [])
      .filter((name) => !(name in value))
      .map((name) => `${at}.${name}: missing`);
    const wrong = Object.entries(value).flatMap(([name, property]: [string, unknown]) => {
      const known = schema.properties?.[name];
      return known === undefined ? [] : this.check(known, property, `${at}.${name}`);
    });
    return [...missing, ...wrong];
  }

  #component(name: string): Schema {
    const schema = this.#description.components.schemas[name];
    if (schema === undefined) throw new Error(`the description has no schema ${name}`);
    return schema;
  }
}

function typeFaults(schema: Schema, value: unknown, at: string): string[] {
  const is = Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
  const right =
    schema.type === undefined ||
    schema.type === is ||
    (schema.type === "number" && is === "integer");
  if (!right) return [`${at}: ${is} instead of ${schema.type}`];
  if (schema.enum !== undefined && !schema.enum.includes(value))
    return [`${at}: ${String(value)} is not in the enumeration`];
  if (typeof value !== "string") return [];
  const { minLength = 0, maxLength = Infinity, format } = schema;
  if (value.length < minLength || value.length > maxLength)
    return [`${at}: ${value.length} characters`];
  if (format === "date-time" && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value))
    return [`${at}: not a time: ${value}`];
  if (format === "uri" && !URL.canParse(value)) return [`${at}: not a URI: ${value}`];
  return [];
}
