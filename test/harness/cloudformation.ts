import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, type CollectionTag, type ScalarTag, YAMLMap, type YAMLSeq } from "yaml";

/** What a stack is made with, and what its resources are called then. */
export interface StackOptions {
  readonly parameters: Readonly<Record<string, string>>;
  /** By `Name` for what !Ref gives, by `Name.Attribute` for !GetAtt; and AWS's own, `AWS::Region`. */
  readonly values: Readonly<Record<string, string>>;
}

interface Call {
  readonly call: string;
  readonly with: unknown;
}

type Node = string | number | boolean | null | readonly Node[] | { readonly [key: string]: Node };

interface Template {
  readonly Parameters: Record<string, { readonly Default?: string | number }>;
  readonly Conditions: Record<string, unknown>;
  readonly Resources: Record<string, Resource>;
}

export interface Resource {
  readonly Type: string;
  readonly Condition?: string;
  readonly Properties: Record<string, unknown>;
}

const names = ["Ref", "Sub", "GetAtt", "If", "Equals", "Not"];

/** A template as it stands, its functions resolved: as far as ours needs it. */
export function stackOf(path: string, options: StackOptions): Record<string, Resource> {
  const text = readFileSync(join(import.meta.dirname, "../..", path), "utf8");
  const template = parse(text, { customTags: names.flatMap(tagsOf) }) as Template;
  const resolver = new Resolver(template, options);
  const made = Object.entries(template.Resources).filter(
    ([, { Condition }]) => Condition === undefined || resolver.holds(Condition),
  );
  return Object.fromEntries(
    made.map(([name, it]) => [name, resolver.resolve(it) as unknown as Resource]),
  );
}

function tagsOf(name: string): (ScalarTag | CollectionTag)[] {
  const call = (given: unknown): Call => ({ call: name, with: given });
  return [
    { tag: `!${name}`, resolve: call },
    {
      tag: `!${name}`,
      collection: "seq" as const,
      // Its items may be calls themselves, which are not known before the whole is.
      resolve: (items: YAMLMap | YAMLSeq) => new Later(name, items),
    },
  ];
}

/** A call whose arguments are a list. */
class Later extends YAMLMap {
  readonly #name: string;
  readonly #items: YAMLMap | YAMLSeq;

  constructor(name: string, items: YAMLMap | YAMLSeq) {
    super();
    this.#name = name;
    this.#items = items;
  }

  override toJSON(...[, context]: Parameters<YAMLMap["toJSON"]>): unknown {
    return { call: this.#name, with: this.#items.toJSON(undefined, context) };
  }
}

class Resolver {
  readonly #template: Template;
  readonly #options: StackOptions;

  constructor(template: Template, options: StackOptions) {
    this.#template = template;
    this.#options = options;
  }

  holds(condition: string): boolean {
    return this.resolve(this.#template.Conditions[condition]) === true;
  }

  resolve(node: unknown): Node {
    if (Array.isArray(node)) return node.map((each) => this.resolve(each));
    if (isCall(node)) return this.#call(node);
    if (typeof node !== "object" || node === null) return node as Node;
    const entries = Object.entries(node).map(([key, value]) => [key, this.resolve(value)]);
    return Object.fromEntries(entries) as Node;
  }

  #call({ call, with: given }: Call): Node {
    if (call === "Ref" || call === "GetAtt") return this.#value(String(given));
    if (call === "Sub")
      return String(given).replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => this.#value(name));
    const parts = given as unknown[];
    if (call === "If") return this.resolve(this.holds(String(parts[0])) ? parts[1] : parts[2]);
    if (call === "Not") return !this.resolve(parts[0]);
    const [one, other] = parts.map((part) => JSON.stringify(this.resolve(part)));
    return one?.replaceAll('"', "") === other?.replaceAll('"', "");
  }

  /** @throws for what nobody has given a value: none is made up */
  #value(name: string): string {
    const { parameters, values } = this.#options;
    const value = values[name] ?? parameters[name] ?? this.#template.Parameters[name]?.Default;
    if (value === undefined) throw new Error(`nothing is known here of ${name}`);
    return String(value);
  }
}

function isCall(node: unknown): node is Call {
  return typeof node === "object" && node !== null && "call" in node && "with" in node;
}
