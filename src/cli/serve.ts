import { readFileSync } from "node:fs";
import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { warnings } from "../core/policy.ts";
import { ConfigError, parseConfig } from "../server/config.ts";
import { EnvironmentError } from "../server/secrets.ts";
import { startBroker } from "../server/serve.ts";

export interface ServeOptions {
  config: string;
  listen?: string;
  recording?: string;
  simulateAws?: boolean;
  check?: boolean;
}

/** Runs the broker until SIGTERM or SIGINT. @returns the exit code. */
export async function serve(options: ServeOptions): Promise<number> {
  try {
    if (options.check) return check(options.config);
    keepHeapSmall();
    const running = await startBroker(
      { ...options, listen: options.listen ?? "127.0.0.1:8080" },
      process.env,
      process.stdout,
    );
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

function check(path: string): number {
  const { policy } = parseConfig(readFileSync(path, "utf8"));
  for (const warning of warnings(policy)) process.stderr.write(`${path}: warning: ${warning}\n`);
  process.stdout.write(
    `${path}: fine, ${policy.grants.length} grant${policy.grants.length === 1 ? "" : "s"}\n`,
  );
  return 0;
}

function report(error: unknown, path: string): number {
  if (error instanceof ConfigError) {
    for (const { line, message } of error.faults.toSorted((a, b) => a.line - b.line))
      say(`${path}:${line}: ${message}`);
    return 2;
  }
  if (error instanceof EnvironmentError) {
    say(`actions2aws: ${error.message}`);
    return 2;
  }
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "EACCES" || code === "EISDIR") {
    say(`actions2aws: the configuration can't be read (${code}): ${path}`);
    return 2;
  }
  say(`actions2aws: ${code ?? "failed"}: ${message}`);
  return 1;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
