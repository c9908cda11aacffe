import { join } from "node:path";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

const root = join(import.meta.dirname, "../..");

/** What is tested: the packaged executable, as it is shipped. */
export const program = join(root, "dist/actions2aws");

/** A PATH on which jobs find the program, and what Debian has. */
export const path = `${join(root, "dist")}:/usr/local/bin:/usr/bin:/bin`;

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program to its end, in an environment that holds nothing but what is given. */
export async function actions2aws(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Ended> {
  return ended(program, args, { PATH: path, ...env });
}

/** The same of any program. */
export async function ended(
  file: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Ended> {
  const child = spawn(file, args, { env, stdio: "pipe" });
  child.stdin.end();
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    exit,
  ]);
  return { exitCode, stdout, stderr };
}
