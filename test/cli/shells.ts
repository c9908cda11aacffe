import { spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";

/** Those of the real shells that this machine has, each once: sh is mostly another one's name. */
export const shells = ["bash", "dash", "zsh", "ksh", "sh"].filter((shell, index, all) => {
  const path = pathOf(shell);
  return path !== null && !all.slice(0, index).some((before) => pathOf(before) === path);
});

function pathOf(shell: string): string | null {
  const { status, stdout } = spawnSync("sh", ["-c", `command -v ${shell}`], { encoding: "utf8" });
  return status === 0 ? realpathSync(stdout.trim()) : null;
}

export function runShell(shell: string, script: string, env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(shell, ["-c", script], {
    env: { PATH: process.env.PATH ?? "", ...env },
    encoding: "utf8",
    // On a socket, bash would take itself to be started by rshd and read ~/.bashrc.
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { status, stdout, stderr };
}
