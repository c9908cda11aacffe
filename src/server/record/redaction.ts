import { parseProofLine, parsePubkeyLine } from "../../core/announcement.ts";
import { foldAscii } from "../../core/pattern.ts";
import type { Secret } from "../../core/secret.ts";
import {
  authorAddress,
  besideKeyId,
  keyBegins,
  keyEnds,
  keyLine,
  publicAddress,
  secretMember,
  type SecretPattern,
  secretPatterns,
} from "./patterns.ts";

/** Something that was taken out: what it was, and where; never itself. */
export interface Removal {
  readonly what: string;
  readonly place: string;
}

/** A log from line to line: what began above may go on. */
interface Flow {
  insideKey: boolean;
  /** So many lines may hold the secret of a key id that stood above. */
  nearKeyId: number;
}

/**
 * Takes secrets out of what is recorded, and leaves all else as it is, byte for byte: times, line ends,
 * colours, and the announcements, so that a proof reads as it did. What takes a secret's place holds a
 * bracket and a blank, so that no line becomes an announcement by it.
 */
export class Redaction {
  readonly removed: Removal[] = [];
  readonly #known: readonly { what: string; spelling: string }[];
  readonly #addresses = new Map<string, string>();

  /** @param known secrets that are at hand, such as the token that this is read with */
  constructor(known: readonly { what: string; secret: Secret }[]) {
    this.#known = known.flatMap(({ what, secret }) =>
      spellingsOf(secret.reveal()).map((spelling) => ({ what, spelling })),
    );
  }

  /** From now on these addresses are replaced wherever they stand, each by one of its own. */
  hideAddresses(addresses: Iterable<string>): void {
    for (const address of addresses) this.#standIn(address);
  }

  /** A stored log. */
  log(text: string, file: string): string {
    const flow: Flow = { insideKey: false, nearKeyId: 0 };
    const lines = text.split("\n").map((line, index) => {
      const [, before = "", message = "", after = ""] = storedLine.exec(line) ?? [];
      return before + this.#line(message, `${file}:${index + 1}`, flow) + after;
    });
    return lines.join("\n");
  }

  /** The items of a live feed. */
  feed<T extends { line: string }>(items: readonly T[], file: string): T[] {
    const flow: Flow = { insideKey: false, nearKeyId: 0 };
    return items.map((item, index) => {
      const place = `${file}:${index + 1}`;
      // A whole item is what can be an announcement; one with line ends is none.
      const lines = item.line.split("\n").map((line) => this.#line(line, place, flow));
      return { ...item, line: lines.join("\n") };
    });
  }

  /** JSON, whose member names stay. */
  json(value: unknown, file: string, path = ""): unknown {
    if (typeof value === "string") {
      const flow: Flow = { insideKey: false, nearKeyId: 0 };
      const place = `${file} ${path}`;
      return value
        .split("\n")
        .map((line) => this.#line(line, place, flow))
        .join("\n");
    }
    if (Array.isArray(value))
      return value.map((item, index) => this.json(item, file, `${path}[${index}]`));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]: [string, unknown]) => {
        const inner = path === "" ? name : `${path}.${name}`;
        const isSecret = secretMember.test(name) && typeof member === "string" && member !== "";
        return [
          name,
          isSecret
            ? this.#remove("secret member", `${file} ${inner}`)
            : this.json(member, file, inner),
        ];
      }),
    );
  }

  #line(line: string, place: string, flow: Flow): string {
    if (parseProofLine(line) !== null || parsePubkeyLine(line) !== null) return line;
    let text = this.#withoutKeys(line, place, flow);
    for (const { what, spelling } of this.#known) {
      const [first = "", ...others] = text.split(spelling);
      text = others.reduce((before, after) => before + this.#remove(what, place) + after, first);
    }
    for (const pattern of secretPatterns) text = this.#without(pattern, text, place, flow);
    if (flow.nearKeyId > 0) {
      flow.nearKeyId -= 1;
      text = this.#without(besideKeyId, text, place, flow);
    }
    return this.#withoutAddresses(text, place);
  }

  #without({ what, find }: SecretPattern, text: string, place: string, flow: Flow): string {
    return text.replace(find, (_match: string, first: string, second: unknown) => {
      // Its secret stands beside it, or within two lines.
      if (what === keyIdName) flow.nearKeyId = 3;
      return (typeof second === "string" ? first : "") + this.#remove(what, place);
    });
  }

  /** A private key goes over many lines, and may stop in the midst of them. */
  #withoutKeys(line: string, place: string, flow: Flow): string {
    const begin = keyBegins.exec(line);
    const end = keyEnds.exec(line);
    if (flow.insideKey) {
      flow.insideKey = end === null;
      if (end) return withoutBody(line.slice(0, end.index)) + line.slice(end.index);
      if (keyLine.test(bodyOf(line))) return withoutBody(line);
      flow.insideKey = false;
    }
    if (!begin) return line;
    const from = begin.index + begin[0].length;
    const to = end && end.index >= from ? end.index : line.length;
    const inside = line.slice(from, to);
    if (bodyOf(inside) === removedText(privateKey)) return line;
    this.#remove(privateKey, place);
    flow.insideKey = bodyOf(inside) === "" && to === line.length;
    return line.slice(0, from) + withoutBody(inside) + line.slice(to);
  }

  #withoutAddresses(text: string, place: string): string {
    if (!text.includes("@")) return text;
    for (const [address] of text.matchAll(authorAddress)) this.#standIn(address);
    for (const [address, made] of this.#addresses) {
      const hide = (): string => {
        this.removed.push({ what: "e-mail address", place });
        return made;
      };
      text = replaceFolded(text, address, hide);
    }
    return text;
  }

  /** Gives an address a made-up one that stands for it from now on. */
  #standIn(address: string): void {
    const key = foldAscii(address);
    if (publicAddress.test(address) || this.#addresses.has(key)) return;
    this.#addresses.set(key, `person-${this.#addresses.size + 1}@example.com`);
  }

  #remove(what: string, place: string): string {
    this.removed.push({ what, place });
    return removedText(what);
  }
}

const keyIdName = "AWS access key id";
const privateKey = "private key";

/** Byte order mark and time before, a carriage return after. */
const storedLine = /^(\uFEFF?(?:\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{7}Z )?)(.*?)(\r?)$/s;
const coloured = /^((?:\x1b\[[0-9;]*m|[\s"'`,;|>])*)(.*?)((?:\x1b\[[0-9;]*m|[\s"'`,;|>])*)$/s;

/** A line of a key without the blanks, quotes and colours around it. */
function bodyOf(line: string): string {
  return coloured.exec(line)?.[2] ?? "";
}

function withoutBody(line: string): string {
  const [, before = "", body = "", after = ""] = coloured.exec(line) ?? [];
  return body === "" ? line : before + removedText(privateKey) + after;
}

function removedText(what: string): string {
  return `[removed: ${what}]`;
}

/** As it is, and as it stands in a URL, in JSON, and in what basic authentication makes of it. */
function spellingsOf(secret: string): string[] {
  if (secret.length < 8) return [];
  const spelled = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    // Base64 turns three bytes into four characters: what it makes of a text depends on where that begins.
    ...[0, 1, 2].map((before) =>
      Buffer.from(`${" ".repeat(before)}${secret}`)
        .toString("base64")
        .slice(before === 0 ? 0 : before + 1)
        .replace(/.?=+$/, ""),
    ),
  ];
  return [...new Set(spelled)].filter((spelling) => spelling.length >= 8);
}

/** Every place of an address, in any case, but not where it is the end of a longer one. */
function replaceFolded(text: string, address: string, make: () => string): string {
  const folded = foldAscii(text);
  let made = "";
  let from = 0;
  for (let at = folded.indexOf(address); at >= 0; at = folded.indexOf(address, from)) {
    const alone =
      !/[\w.+-]/.test(text[at - 1] ?? "") && !/[\w-]/.test(text[at + address.length] ?? "");
    made += text.slice(from, at) + (alone ? make() : text.slice(at, at + address.length));
    from = at + address.length;
  }
  return made + text.slice(from);
}
