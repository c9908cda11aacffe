import { styleText } from "node:util";

/** What the demo shows is not what it says it is. */
class NotAsTold extends Error {
  override name = "NotAsTold";
}

/** Nothing is told that has not been looked at. */
export function expect(holds: boolean, what: string): asserts holds {
  if (!holds) throw new NotAsTold(what);
}

let scenes = 0;

export function scene(title: string): void {
  scenes += 1;
  console.log(`\n${styleText("bold", `${scenes}. ${title}`)}`);
}

export function tell(text: string): void {
  console.log(`   ${text}`);
}

/** A command as one would type it. */
export function command(text: string): void {
  tell(`${styleText("dim", "$")} ${styleText("cyan", text)}`);
}

/**
 * What a process printed. Behind the bar no line is a `::command::` or an announcement, should the
 * demo itself run in a job.
 */
export function output(text: string, secrets: readonly string[] = []): void {
  const shown = secrets.reduce((left, secret) => left.replaceAll(secret, shortened(secret)), text);
  for (const line of shown.trimEnd().split("\n")) tell(`${styleText("dim", "|")} ${line}`);
}

/** Two columns; what has no value is left out. */
export function table(rows: readonly (readonly [name: string, value: unknown])[]): void {
  const present = rows.filter(([, value]) => value !== undefined && value !== null);
  const width = Math.max(...present.map(([name]) => name.length));
  for (const [name, value] of present)
    tell(`${styleText("dim", name.padEnd(width))}  ${String(value)}`);
}

export function good(text: string): void {
  tell(`${styleText("green", "✓")} ${text}`);
}

export function shortened(secret: string): string {
  return `${secret.slice(0, 10)}… (${secret.length} characters)`;
}
