import { setFlagsFromString } from "node:v8";
import { warnings } from "../core/warnings.ts";
import { readConfig } from "../server/config-file.ts";
import { startBroker } from "../server/serve.ts";
import { faultsOf, isUsage } from "../server/settings.ts";
import { stderrSink, stdoutSink } from "./sink.ts";
import { version } from "./version.ts";

export interface ServeOptions {
  config: string;
  listen?: string;
  adminListen?: string;
  recording?: string;
  simulateAws?: boolean;
  check?: boolean;
}

/** Runs the broker until SIGTERM or SIGINT. @returns the exit code. */
export async function serve(options: ServeOptions): Promise<number> {
  try {
    if (options.check) return check(options.config);
    keepHeapSmall();
    const hangup = hangups();
    // Listened for before the broker says that it listens: an end that comes early is an orderly one too.
    const ended = told();
    const running = await startBroker(
      { ...options, listen: options.listen ?? "127.0.0.1:8080", version },
      process.env,
      process.stdout,
    );
    hangup(() => running.reload());
    await ended;
    await running.stop();
    return 0;
  } catch (error) {
    return report(error, options.config);
  }
}

/** A broker lives long and holds little: its heap grows in small steps. */
function keepHeapSmall(): void {
  setFlagsFromString("--heap-growing-percent=10");
}

/** To stop. Whoever says it again does not cut off what is being finished (F-15). */
function told(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => resolve());
  });
}

/** SIGHUP would end a process that does not listen for it: one that comes early waits for the start. */
function hangups(): (reload: () => Promise<void>) => void {
  let reload: (() => Promise<void>) | null = null;
  let early = false;
  process.on("SIGHUP", () => {
    if (reload) void reload();
    else early = true;
  });
  return (started) => {
    reload = started;
    if (early) void reload();
  };
}

function check(path: string): number {
  const { policy } = readConfig(path);
  tell(warnings(policy).map((warning) => `${path}: warning: ${warning}`));
  const { length } = policy.grants;
  stdoutSink().write(`${path}: fine, ${length} grant${length === 1 ? "" : "s"}\n`);
  return 0;
}

function report(error: unknown, path: string): number {
  tell(faultsOf(error, path));
  return isUsage(error, path) ? 2 : 1;
}

/** All of them, to a slow reader too: what a stream has not written yet is lost at the end. */
function tell(lines: readonly string[]): void {
  stderrSink(30_000).write(lines.map((line) => `${line}\n`).join(""));
}
