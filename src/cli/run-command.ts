import { spawn } from "node:child_process";
import { constants } from "node:os";
import { withCoreFiles } from "./core-files.ts";
import { Failure, exitCodes, systemCode } from "./failure.ts";
import type { Environment, Host } from "./host.ts";

/** Not SIGUSR1, which is Node's own; the executable blocks it. */
const forwarded: NodeJS.Signals[] = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR2"];
/** What a terminal sends to the command by itself. */
const fromTerminal = new Set<NodeJS.Signals>(["SIGINT", "SIGQUIT"]);

/**
 * Runs a command in an environment of its own, with our stdin, stdout and stderr.
 *
 * @returns its exit code; 128 and the signal's number when a signal ended it; as a shell does.
 */
export function runCommand(
  [program, ...args]: readonly [string, ...string[]],
  env: Environment,
  host: Pick<Host, "signals">,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const onTerminal = process.stdin.isTTY;
    const forward = (signal: NodeJS.Signals): void => {
      // A second interrupt means "at once" to some programs.
      if (!(onTerminal && fromTerminal.has(signal))) child.kill(signal);
    };
    const settle = (): void => {
      for (const signal of forwarded) host.signals.off(signal, forward);
    };
    // Before there is a command: a signal must not end us and leave it behind.
    for (const signal of forwarded) host.signals.on(signal, forward);
    const child = withCoreFiles(() => spawn(program, args, { stdio: "inherit", env }));
    child.once("error", (error) => {
      settle();
      const code = systemCode(error);
      reject(
        new Failure(
          code === "ENOENT" ? 127 : 126,
          `the command ${program} cannot be run (${code})`,
        ),
      );
    });
    child.once("exit", (code, signal) => {
      settle();
      resolve(code ?? (signal ? 128 + constants.signals[signal] : exitCodes.other));
    });
  });
}
