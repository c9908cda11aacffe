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

type Token = { kind: "text"; text: string } | { kind: "segment" } | { kind: "any" };

export function compilePattern(source: string): Pattern {
  const tokens = tokenise(source);
  const literal = tokens.every((token) => token.kind === "text");
  return Object.freeze({
    source,
    literal,
    matches: literal
      ? (text: string) => text === source
      : (text: string) => matchTokens(tokens, text),
  });
}

function tokenise(source: string): Token[] {
  return (source.match(/\*{2,}|\*|[^*]+/g) ?? []).map((part) => {
    if (part === "*") return { kind: "segment" };
    return part.startsWith("**") ? { kind: "any" } : { kind: "text", text: part };
  });
}

/** Keeps the set of positions that the tokens so far can end at: no backtracking. */
function matchTokens(tokens: readonly Token[], text: string): boolean {
  let positions = new Set([0]);
  for (const token of tokens) {
    positions = advance(token, text, positions);
    if (positions.size === 0) return false;
  }
  return positions.has(text.length);
}

function advance(token: Token, text: string, positions: ReadonlySet<number>): Set<number> {
  const next = new Set<number>();
  for (const start of positions) {
    if (token.kind === "text") {
      if (text.startsWith(token.text, start)) next.add(start + token.text.length);
      continue;
    }
    for (let end = start; !next.has(end); end++) {
      next.add(end);
      if (end === text.length || (token.kind === "segment" && text[end] === "/")) break;
    }
  }
  return next;
}

/** Folds A–Z only: `Kelvin sign` must not equal `k` (G-15). */
export function foldAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
