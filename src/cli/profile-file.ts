/** Names that are a section's and a command line's word alike; nothing can be put in with them (C-19). */
export function isProfileName(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text);
}

/** A setting of a section: `region = eu-west-1`. */
export type Setting = readonly [name: string, value: string];

/**
 * The file with one section put in the place of those of this name, or at its end. All other bytes
 * stay as they are, comments behind the section included (C-19).
 *
 * @param file bytes as Latin-1 text, so that every byte comes back
 */
export function withSection(file: string, name: string, settings: readonly Setting[]): string {
  const end = lineEndOf(file);
  const section = sectionText(name, settings, end);
  const [first, ...others] = sectionsOf(file, name);
  if (!first) {
    const gap = file === "" ? "" : file.endsWith("\n") ? end : end + end;
    return file + gap + section;
  }
  const kept = others.toReversed().reduce((text, part) => cut(text, part, ""), file);
  return cut(kept, first, section);
}

/**
 * The file without the section that withSection has put in, and without the blank line before it.
 *
 * @returns null if it has no section of this name with just these settings
 */
export function withoutSection(
  file: string,
  name: string,
  settings: readonly Setting[],
): string | null {
  const end = lineEndOf(file);
  const ours = sectionText(name, settings, end);
  const part = sectionsOf(file, name).find(({ from, to }) => file.slice(from, to) === ours);
  if (!part) return null;
  const gap = part.to === file.length && file.slice(0, part.from).endsWith(end + end);
  return cut(file, { from: part.from - (gap ? end.length : 0), to: part.to }, "");
}

function sectionText(name: string, settings: readonly Setting[], end: string): string {
  const lines = [`[${name}]`, ...settings.map(([key, value]) => `${key} = ${value}`)];
  return lines.map((line) => line + end).join("");
}

function lineEndOf(file: string): string {
  return file.includes("\r\n") ? "\r\n" : "\n";
}

/** What the sections of this name set, the last word counting, as the SDKs read it. */
export function settingsOf(file: string, name: string): ReadonlyMap<string, string> {
  const found = sectionsOf(file, name).flatMap(({ from, to }) =>
    linesOf(file.slice(from, to)).flatMap(({ text }) => {
      const [, key, value] = /^([A-Za-z0-9_.-]+)\s*=\s*(.*)$/.exec(text.trim()) ?? [];
      return key === undefined || value === undefined ? [] : [[key.toLowerCase(), value] as const];
    }),
  );
  return new Map(found);
}

interface Part {
  readonly from: number;
  readonly to: number;
}

/** From its header to its last setting: blank lines and comments behind that belong to what follows. */
function sectionsOf(file: string, name: string): Part[] {
  const parts: { from: number; to: number }[] = [];
  let current: { from: number; to: number } | null = null;
  for (const { text, from, to } of linesOf(file)) {
    const [, header] = /^\s*\[\s*([^\]]*?)\s*\]/.exec(text) ?? [];
    if (header !== undefined) {
      current = header === name ? { from, to } : null;
      if (current) parts.push(current);
    } else if (current && !/^\s*(?:[#;]|$)/.test(text)) {
      current.to = to;
    }
  }
  return parts;
}

function linesOf(file: string): { text: string; from: number; to: number }[] {
  let from = 0;
  return (file.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((text) => {
    const line = { text, from, to: from + text.length };
    from = line.to;
    return line;
  });
}

function cut(text: string, { from, to }: Part, into: string): string {
  return text.slice(0, from) + into + text.slice(to);
}
