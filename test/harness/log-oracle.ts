import type { LogScene } from "./log-scene.ts";

/**
 * Whether a line stands in a log as a whole item or message of its own: `yes`, `no`, or `perhaps`, when
 * it has a time of its own and more lines behind it. A second opinion on what the broker reads: it looks
 * for the line in the text, and reads nothing else.
 */
export type Standing = "yes" | "no" | "perhaps";

const stamp = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z `;

export function standing({ kind, step }: LogScene, line: string): Standing {
  if (kind === "live feed") return step.live.some((item) => item.line === line) ? "yes" : "no";
  const found = linesOf(line).exec(step.log);
  if (found === null) return "no";
  const behind = step.log.slice(found.index + found[0].length);
  return behind === "\n" || new RegExp(`^\n${stamp}`).test(behind) ? "yes" : "perhaps";
}

/** How often it may stand so. */
export function timesIn({ kind, step }: LogScene, line: string): number {
  return kind === "live feed"
    ? step.live.filter((item) => item.line === line).length
    : [...step.log.matchAll(linesOf(line, "g"))].length;
}

function linesOf(line: string, flags = ""): RegExp {
  const text = line.replaceAll(/[^\w ]/g, String.raw`\$&`);
  return new RegExp(`(?<=^|\n)${stamp}${text}\r?(?=\n|$)`, flags);
}
