import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { root } from "../bundle.ts";

export const bundle = join(root, "dist/bundle/actions2aws.cjs");
const running = new Set<ChildProcessWithoutNullStreams>();

export type Environment = Record<string, string>;

export interface Ended {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  ms: number;
}

/**
 * Starts the program with this environment and nothing of the demo's own: no token, no proxy and no
 * AWS variable that happens to be set.
 */
export function start(
  args: readonly string[],
  environment: Environment,
): ChildProcessWithoutNullStreams {
  const { PATH = "", SystemRoot } = process.env;
  const env = { PATH, ...(SystemRoot !== undefined && { SystemRoot }), ...environment };
  const child = spawn(process.execPath, [bundle, ...args], { env });
  running.add(child);
  child.once("close", () => running.delete(child));
  return child;
}

export async function runToEnd(args: readonly string[], environment: Environment): Promise<Ended> {
  const begin = performance.now();
  const child = start(args, environment);
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => (printed[name] += text));
  const giveUp = setTimeout(() => child.kill("SIGKILL"), 20_000);
  const [exitCode] = (await once(child, "close")) as [number | null];
  clearTimeout(giveUp);
  return { ...printed, exitCode, ms: performance.now() - begin };
}

/** Whatever still runs. */
export function endAll(): void {
  for (const child of running) child.kill("SIGKILL");
}
