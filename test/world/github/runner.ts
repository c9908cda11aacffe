import { obey } from "./commands.ts";
import type { Job, Step } from "./model.ts";
import type { State } from "./state.ts";

const longestLive = 1_024;

/** What a job's process writes, to stdout or stderr: the runner does not tell them apart. */
export function say(state: State, job: Job, step: Step, output: string): void {
  for (const line of linesOf(output)) {
    for (const message of obey(job, line)) write(state, job, step, message);
  }
}

/** One message: one item in the live feed and one timestamp in the log, whatever newlines it holds. */
export function write(state: State, job: Job, step: Step, message: string): void {
  const now = state.now();
  const masked = mask(job, message);
  step.log += `${stamp(now, step)} ${masked}\n`;
  if (masked === "") return;
  step.spoken += 1;
  if (state.loses(step.spoken)) return;
  const delay = typeof state.drainDelay === "function" ? state.drainDelay() : state.drainDelay;
  step.live.push({ id: `${now}-${step.spoken}`, line: cut(masked), visibleAt: now + delay });
}

export interface Header {
  readonly script: string;
  /** As the runner prints it; bash without `shell:` by default. */
  readonly shell?: string;
  /** Printed raw: a value may hold newlines, and whatever follows them. */
  readonly env?: Record<string, string>;
}

/** What every `run:` step begins with. The runner writes it itself, so no command in it is obeyed. */
export function writeHeader(
  state: State,
  job: Job,
  step: Step,
  { script, shell, env = {} }: Header,
): void {
  const print = (message: string): void => write(state, job, step, message);
  print(`##[group]Run ${script.trimStart().split(/[\r\n]/, 1)[0] ?? ""}`);
  for (const line of script.replaceAll("\r\n", "\n").replace(/\n+$/, "").split("\n"))
    print(`\u001b[36;1m${line}\u001b[0m`);
  print(`shell: ${shell ?? "/usr/bin/bash -e {0}"}`);
  printValues("env", env, print);
  print("##[endgroup]");
}

export interface UseHeader {
  /** `acme/actions2aws/request@v1` */
  readonly uses: string;
  readonly with: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** What every `uses:` step begins with; values are printed raw here too. */
export function writeUseHeader(
  state: State,
  job: Job,
  step: Step,
  { uses, with: inputs, env = {} }: UseHeader,
): void {
  const print = (message: string): void => write(state, job, step, message);
  print(`##[group]Run ${uses}`);
  printValues("with", inputs, print);
  printValues("env", env, print);
  print("##[endgroup]");
}

function printValues(
  title: string,
  values: Readonly<Record<string, string>>,
  print: (message: string) => void,
): void {
  const entries = Object.entries(values);
  if (entries.length > 0) print(`${title}:`);
  for (const [name, value] of entries) print(`  ${name}: ${value}`);
}

/** Lines as .NET's ReadLine cuts them: at LF, CRLF and a lone CR; the last needs no end. */
function linesOf(output: string): string[] {
  const lines = output.split(/\r\n|\n|\r/);
  if (lines.length > 1 && lines.at(-1) === "") lines.pop();
  return lines;
}

function mask(job: Job, message: string): string {
  return job.masks.reduce(
    (masked, secret) => (secret === "" ? masked : masked.replaceAll(secret, "***")),
    message,
  );
}

function cut(message: string): string {
  return message.length > longestLive ? `${message.slice(0, longestLive)}...` : message;
}

/** `2026-01-01T00:00:00.1234567Z`: 7 decimals always, of which the clock here knows only three. */
function stamp(now: number, step: Step): string {
  const ticks = String(step.spoken % 10_000).padStart(4, "0");
  return new Date(now).toISOString().replace("Z", `${ticks}Z`);
}
