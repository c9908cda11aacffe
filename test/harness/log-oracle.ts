import type { LogScene } from "./log-scene.ts";

// A second opinion on what the broker reads: it looks for announcements in the text of a log, and reads
// nothing else of it.

/**
 * Whether an announcement stands in a log as a whole item or message of its own: `yes`, `no`, or
 * `perhaps`, when it has a time of its own and more lines behind it.
 */
export type Standing = "yes" | "no" | "perhaps";

/** Every line, as a pattern, that announces this key in a log of this kind. */
export function announcing({ kind }: LogScene, publicKey: string): string {
  return kind === "original's log"
    ? `ACTIONS2AWS PUBKEY: ${publicKey}`
    : `ACTIONS2AWS PROOF: ${publicKey} [A-Za-z0-9_.-]{16,200}`;
}

const stamp = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z `;
const alone = new RegExp(`^\n(?:$|${stamp})`);

export function standings({ kind, step }: LogScene, pattern: string): Standing[] {
  if (kind === "live feed") {
    const whole = new RegExp(`^${pattern}$`);
    return step.live.filter(({ line }) => whole.test(line)).map(() => "yes");
  }
  const lines = new RegExp(`(?<=^|\n)${stamp}${pattern}\r?(?=\n|$)`, "g");
  return Array.from(step.log.matchAll(lines), ({ index, 0: found }) =>
    alone.test(step.log.slice(index + found.length)) ? "yes" : "perhaps",
  );
}
