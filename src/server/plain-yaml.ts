import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseAllDocuments,
  visit,
  type Document,
} from "yaml";

/** A fault of a file and the line it stands on. */
export interface Fault {
  line: number;
  message: string;
}

/** YAML whose every value knows its line. */
export class PlainYaml {
  readonly faults: readonly Fault[];
  readonly #document: Document | null;
  readonly #lines = new LineCounter();

  /**
   * YAML 1.2 with plain values only. What reads as one thing to a person and as another to a parser
   * is a fault (P-02): several documents, anchors, tags, merge keys, odd spellings of numbers.
   */
  constructor(text: string) {
    const options = {
      lineCounter: this.#lines,
      version: "1.2",
      schema: "core",
      uniqueKeys: true,
      // Each fault would quote its surroundings, which takes minutes where there are many.
      prettyErrors: false,
    } as const;
    const documents = documentsIn(text, options);
    this.#document = documents?.[0] ?? null;
    if (documents === null) {
      this.faults = [{ line: 1, message: "is nested too deep" }];
      return;
    }
    const faults = [
      ...this.#misleading(text),
      ...documents.flatMap((document) => [
        ...this.#unreadable(document),
        ...this.#oddities(document),
      ]),
    ];
    if (documents.length !== 1)
      faults.push({ line: 1, message: "the file must be one YAML document" });
    this.faults = faults;
  }

  get value(): unknown {
    return this.#document?.toJS();
  }

  has(path: readonly PropertyKey[]): boolean {
    return this.#document?.getIn(path) !== undefined;
  }

  /** The line of the key or value at the path, or of the nearest thing around it that is there. */
  lineAt(path: readonly PropertyKey[]): number {
    for (let length = path.length; length > 0; length--) {
      const parent = this.#document?.getIn(path.slice(0, length - 1), true);
      const name = path[length - 1];
      const pair = isMap(parent)
        ? parent.items.find(({ key }) => isScalar(key) && key.value === name)
        : undefined;
      const node = pair?.key ?? this.#document?.getIn(path.slice(0, length), true);
      if (isNode(node)) return this.#lineOf(node);
    }
    return 1;
  }

  #unreadable({ errors, warnings }: Document): Fault[] {
    return [...errors, ...warnings].map(({ pos, message }) => ({
      line: this.#lines.linePos(pos[0]).line,
      message: message.split(/ \(|\n/)[0] ?? "can't be read",
    }));
  }

  #misleading(text: string): Fault[] {
    return Array.from(text.matchAll(misread), ({ 0: character, index }) => ({
      line: this.#lines.linePos(index).line,
      message: `${codePoint(character)} reads differently in editors: leave it out`,
    }));
  }

  #oddities(document: Document): Fault[] {
    const faults: Fault[] = [];
    visit(document, (_key, node) => {
      const message = oddity(node);
      if (message !== null)
        faults.push({ line: this.#lineOf(isPair(node) ? node.key : node), message });
    });
    return faults;
  }

  #lineOf(node: unknown): number {
    return isNode(node) && node.range ? this.#lines.linePos(node.range[0]).line : 1;
  }
}

/**
 * What some editors show as the end of a line, or as text that runs the other way, and YAML reads as any
 * other character: a condition that seems to stand below a comment would be a part of it (P-02).
 */
const misread = /(?!\t|\n|\r\n)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

function codePoint(character: string): string {
  return `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Null for what is nested so deep that the parser has no stack for it. */
function documentsIn(
  text: string,
  options: Parameters<typeof parseAllDocuments>[1],
): Document[] | null {
  try {
    return [...parseAllDocuments(text, options)];
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function oddity(node: unknown): string | null {
  if (isPair(node)) {
    const key = isScalar(node.key) ? node.key.value : null;
    if (key === "<<") return "merge keys are not taken";
    return typeof key === "string" ? null : "keys must be plain text";
  }
  if (isAlias(node)) return "aliases are not taken: write the value out";
  if (!isNode(node)) return null;
  if (node.anchor !== undefined) return "anchors are not taken";
  if (node.tag !== undefined) return "tags are not taken";
  if (
    isScalar(node) &&
    typeof node.value === "number" &&
    !/^(?:0|[1-9]\d*)$/.test(node.source ?? "")
  ) {
    return "numbers must be plain; put text into quotes";
  }
  return null;
}
