import { formats, isFormatName } from "./formats/format.ts";
import type { Environment } from "./host.ts";

const silentCommands = new Set(["keygen", "serve", "record", "explain", "help"]);

/**
 * What stdout must say if no credentials come, whatever the reason. It is found in the raw arguments,
 * since they may be what is wrong: `eval $(actions2aws requst)` must fail as well (C-13).
 */
export function lastWords(argv: readonly string[], env: Environment): string {
  const [options, command] = splitCommand(argv);
  if (silentCommands.has(options[0] ?? "") || (command !== null && command.length > 0)) return "";
  const format = formatIn(options) ?? (env.ACTIONS2AWS_FORMAT || "shell");
  // A format that does not exist was meant for something; most likely for eval.
  return formats[isFormatName(format) ? format : "shell"].failure;
}

/** What stands before `--`, and what behind it; null without `--`. */
export function splitCommand(
  argv: readonly string[],
): [options: readonly string[], command: readonly string[] | null] {
  const at = argv.indexOf("--");
  return at === -1 ? [argv, null] : [argv.slice(0, at), argv.slice(at + 1)];
}

function formatIn(options: readonly string[]): string | undefined {
  const at = options.findLastIndex((word) => word === "--format" || word.startsWith("--format="));
  const word = options[at];
  return word === "--format" ? options[at + 1] : word?.slice("--format=".length);
}
