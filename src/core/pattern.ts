/**
 * The patterns of grants: `*` stands for any characters but `/`, `**` for any characters; everything
 * else stands for itself. The whole text must match. Nothing is pasted into a regular expression, and
 * matching takes time in proportion to pattern × text at most (H-24, P-03).
 */
export interface Pattern {
  readonly source: string;
  readonly literal: boolean;
  matches(text: string): boolean;
}

/** Names of GitHub's are shorter by far; what is longer fits no pattern, and takes no time. */
const longestName = 4_096;

type Token = { kind: "text"; text: string } | { kind: "segment" } | { kind: "any" };

export function compilePattern(source: string): Pattern {
  const tokens = tokenise(source);
  const literal = tokens.every((token) => token.kind === "text");
  return Object.freeze({
    source,
    literal,
    matches: literal
      ? (text: string) => text === source
      : (text: string) => text.length <= longestName && matchTokens(tokens, text),
  });
}

function tokenise(source: string): Token[] {
  return Array.from(source.matchAll(/\*{2,}|\*|[^*]+/g), ([part]) => {
    if (part === "*") return { kind: "segment" };
    return part.startsWith("**") ? { kind: "any" } : { kind: "text", text: part };
  });
}

/** Marks the positions that the tokens so far can end at: no backtracking. */
function matchTokens(tokens: readonly Token[], text: string): boolean {
  let reached = new Uint8Array(text.length + 1);
  reached[0] = 1;
  for (const token of tokens) {
    reached = advance(token, text, reached);
    if (!reached.includes(1)) return false;
  }
  return reached[text.length] === 1;
}

function advance(token: Token, text: string, reached: Uint8Array): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(reached.length);
  let open = false;
  for (let at = 0; at <= text.length; at++) {
    if (token.kind === "text") {
      if (reached[at] === 1 && text.startsWith(token.text, at)) next[at + token.text.length] = 1;
      continue;
    }
    open ||= reached[at] === 1;
    if (open) next[at] = 1;
    if (token.kind === "segment" && text[at] === "/") open = false;
  }
  return next;
}

/** Folds A–Z only: `Kelvin sign` must not equal `k` (G-15). */
export function foldAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
