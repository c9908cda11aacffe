import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** The program under test as words of a command line; ACTIONS2AWS_LAUNCHER names a packaged one. */
export const launcher: readonly [string, ...string[]] = process.env.ACTIONS2AWS_LAUNCHER
  ? [process.env.ACTIONS2AWS_LAUNCHER]
  : [process.execPath, fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))];

/** The same for a shell's script. */
export const launcherInShell = launcher.map((word) => `'${word}'`).join(" ");

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

export interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
  /** What stderr and stdout hold by now. */
  soFar(): { out: string; err: string };
}

export function start(words: readonly [string, ...string[]], env: Record<string, string>): Running {
  const [program, ...args] = words;
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, out, err }));
  });
  return { child, ended, soFar: () => ({ out, err }) };
}

export function actions2aws(args: readonly string[], env: Record<string, string>): Promise<Ended> {
  return start([...launcher, ...args], env).ended;
}

export async function until(condition: () => boolean, patienceMs = 10_000): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error("it did not come to pass");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
