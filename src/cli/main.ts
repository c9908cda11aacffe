import { constants } from "node:os";
import { parseArgs } from "node:util";
import { keepOutOfCoreFiles } from "./core-files.ts";
import { exitCodes, lineOf } from "./failure.ts";
import { type Host, processHost, say } from "./host.ts";
import { keygen, type KeygenOptions } from "./keygen.ts";
import { lastWords } from "./last-words.ts";
import { toItsEnd } from "./to-its-end.ts";

function main(): void {
  const argv = process.argv.slice(2);
  // It asks to read again what has not been read yet: nothing to do, and no reason to end (F-12).
  if (argv[0] === "serve") process.on("SIGHUP", () => undefined);
  keepOutOfCoreFiles();
  const host = processHost(process);
  const onFailure = lastWords(argv, host.env);
  const leave = (exitCode: number): never => {
    try {
      if (exitCode !== exitCodes.done && onFailure !== "") host.stdout.write(onFailure);
    } finally {
      process.exit(exitCode);
    }
  };
  if (onFailure !== "") {
    // Whoever stops us must not make `eval $(…)` a success.
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => leave(128 + constants.signals[signal]));
    }
  }
  toItsEnd(() => run(argv, host), { tell: (error) => say(host, lineOf(error)), leave });
}

/** Start time counts in every job: each command loads its own modules, and keygen not even commander. */
async function run(argv: readonly string[], host: Host): Promise<number> {
  const flags = argv[0] === "keygen" ? plainKeygenFlags(argv.slice(1)) : null;
  if (flags) return keygen(flags, host);
  const { runCommandLine } = await import("./command-line.ts");
  return runCommandLine(argv, host);
}

/** @returns null for anything but keygen's options, well formed: commander then says what is wrong. */
function plainKeygenFlags(args: string[]): KeygenOptions | null {
  try {
    const {
      identity,
      force,
      "announce-to": announceTo,
    } = parseArgs({
      args,
      options: {
        identity: { type: "string" },
        force: { type: "boolean" },
        "announce-to": { type: "string" },
      },
    }).values;
    return {
      ...(force !== undefined && { force }),
      ...(identity !== undefined && { identity }),
      ...(announceTo !== undefined && { announceTo }),
    };
  } catch {
    return null;
  }
}

main();
