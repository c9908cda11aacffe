import type { Made } from "./made.ts";
import { oneLine } from "./plain-text.ts";
import { type Sink, stderrSink, stdoutSink } from "./sink.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

/** All that a command takes from its surroundings, so that a test can bring its own. */
export interface Host {
  readonly env: Environment;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly signals: SignalSource;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds of a clock that nobody sets. */
  elapsed(): number;
  /** Comes back early, and without an error, when the signal is given. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** From 0 to below 1, for jitter; nothing secret is made of it. */
  random(): number;
  /** Hears of each thing that will be on the disk when the command has ended. */
  readonly made?: (thing: Made) => void;
}

/** One plain line of the program's own on stderr. */
export function say(host: Pick<Host, "stderr">, text: string): void {
  host.stderr.write(`actions2aws: ${oneLine(text)}\n`);
}

export function isInJob(env: Environment): boolean {
  return env.GITHUB_ACTIONS === "true";
}

export function processHost(process: NodeJS.Process): Host {
  return {
    env: process.env,
    stdout: stdoutSink(),
    stderr: stderrSink(),
    signals: process,
    now: () => Date.now(),
    elapsed: () => performance.now(),
    sleep,
    random: () => Math.random(),
  };
}

export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}
