import { faultsIn, type JsonSchema } from "./json-schema.ts";

type Node = Readonly<Record<string, unknown>>;

/** A media type of the document, with where it stands. */
export interface Content {
  readonly at: string;
  readonly schema?: unknown;
  readonly examples: readonly unknown[];
}

/** An OpenAPI document, read as somebody would who has nothing but it. */
export class ApiDocument {
  readonly root: Node;

  constructor(text: string) {
    this.root = JSON.parse(text) as Node;
  }

  /** `GET /openapi.json` and the like. */
  get routes(): string[] {
    return Object.entries(this.#at("paths")).flatMap(([path, item]) =>
      Object.keys(item as Node).map((method) => `${method.toUpperCase()} ${path}`),
    );
  }

  /** All references, wherever they stand. */
  get references(): string[] {
    return Array.from(nodesIn(this.root)).flatMap(({ $ref }) =>
      typeof $ref === "string" ? [$ref] : [],
    );
  }

  get operationIds(): unknown[] {
    return Array.from(nodesIn(this.#at("paths"))).flatMap(({ operationId }) => operationId ?? []);
  }

  resolve(reference: string): unknown {
    const parts = reference.replace(/^#\//, "").split("/");
    return parts.reduce<unknown>((node, part) => (node as Node | undefined)?.[part], this.root);
  }

  get contents(): Content[] {
    return contentsIn(this.root, "");
  }

  /** What is wrong with a value; empty when it fits. */
  faults(schema: unknown, value: unknown): string[] {
    return faultsIn(schema as JsonSchema, value, (reference) => this.resolve(reference));
  }

  /** What is wrong with an answer, by what the document says of its route and status. */
  faultsOfAnswer(
    route: string,
    answer: { status: number; headers: Headers; json: unknown },
  ): string[] {
    const [method = "", path = ""] = route.split(" ");
    const responses = this.#at("paths", path, method.toLowerCase(), "responses");
    const response = responses[String(answer.status)] as Node | undefined;
    if (response === undefined) return [`${route} has no answer ${answer.status}`];
    const type = answer.headers.get("content-type")?.split(";")[0] ?? "";
    const content = (response["content"] as Node | undefined)?.[type] as Node | undefined;
    if (content === undefined) return [`${route} ${answer.status} has no ${type}`];
    const told = answer.headers.has("retry-after");
    const known = "Retry-After" in ((response["headers"] as Node | undefined) ?? {});
    return [
      ...(told && !known ? [`${route} ${answer.status} says nothing of Retry-After`] : []),
      ...("schema" in content ? this.faults(content["schema"], answer.json) : []),
    ];
  }

  #at(...path: string[]): Node {
    return path.reduce<Node>((node, part) => (node[part] as Node | undefined) ?? {}, this.root);
  }
}

function contentsIn(node: unknown, at: string): Content[] {
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]: [string, unknown]) => {
    const here = `${at}/${key}`;
    if (key !== "content" || typeof value !== "object" || value === null)
      return contentsIn(value, here);
    return Object.entries(value as Record<string, Node>).map(([type, media]) => {
      const named = Object.values((media["examples"] ?? {}) as Record<string, Node>);
      const examples = "example" in media ? [media["example"]] : [];
      return {
        at: `${here}/${type}`,
        schema: media["schema"],
        examples: [...examples, ...named.map((example) => example["value"])],
      };
    });
  });
}

/** Every object in it, but not what an example holds. */
function* nodesIn(node: unknown): Generator<Node> {
  if (typeof node !== "object" || node === null) return;
  if (!Array.isArray(node)) yield node as Node;
  for (const [key, value] of Object.entries(node)) {
    if (key !== "example" && key !== "examples") yield* nodesIn(value);
  }
}
