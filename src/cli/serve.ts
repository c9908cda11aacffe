import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { warnings } from "../core/policy.ts";
import { readConfig } from "../server/config-file.ts";
import { startBroker } from "../server/serve.ts";
import { faultsOf, isUsage } from "../server/settings.ts";
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
    const running = await startBroker(
      { ...options, listen: options.listen ?? "127.0.0.1:8080", version },
      process.env,
      process.stdout,
    );
    hangup(() => running.reload());
    await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
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
  for (const warning of warnings(policy)) process.stderr.write(`${path}: warning: ${warning}\n`);
  process.stdout.write(
    `${path}: fine, ${policy.grants.length} grant${policy.grants.length === 1 ? "" : "s"}\n`,
  );
  return 0;
}

function report(error: unknown, path: string): number {
  for (const fault of faultsOf(error, path)) process.stderr.write(`${fault}\n`);
  return isUsage(error, path) ? 2 : 1;
}
