import type { Job } from "./model.ts";

/** Commands that leave something in the log, and what is put before their text. */
const shown = new Map([
  ["group", "##[group]"],
  ["endgroup", "##[endgroup]"],
  ["error", "##[error]"],
  ["warning", "##[warning]"],
  ["notice", "##[notice]"],
]);
/** Commands that leave nothing. */
const silent = new Set([
  "debug",
  "echo",
  "set-output",
  "save-state",
  "add-matcher",
  "remove-matcher",
]);

/**
 * What one line of a process becomes in the log: itself, or what a workflow command in it leaves.
 * Follows ActionCommand and ActionCommandManager of actions/runner.
 */
export function obey(job: Job, line: string): readonly string[] {
  const command = parse(line, job.stopToken);
  if (command === undefined) return [line];
  const name = command.name.toLowerCase();
  if (job.stopToken !== null) {
    // Commands are stopped: only the token itself counts, all else is plain output.
    if (name === job.stopToken.toLowerCase()) job.stopToken = null;
    return [line];
  }
  if (name === "stop-commands") {
    job.stopToken = command.data;
    return [line];
  }
  if (name === "add-mask") {
    if (command.data.trim() === "")
      return ["##[warning]Can't add secret mask for empty string in ##[add-mask] command."];
    job.masks.push(command.data);
    return [];
  }
  const prefix = shown.get(name);
  // Decoded text with newlines stays ONE message: one timestamp in the log, one item in the live feed.
  return prefix === undefined ? [] : [prefix + command.data];
}

interface Command {
  readonly name: string;
  readonly data: string;
}

function parse(line: string, token: string | null): Command | undefined {
  return parseColons(line, token) ?? parseBrackets(line, token);
}

/** `::name props::data`, at the start of the line after spaces. */
function parseColons(line: string, token: string | null): Command | undefined {
  const message = line.trimStart();
  if (!message.startsWith("::")) return undefined;
  const end = message.indexOf("::", 2);
  if (end < 0) return undefined;
  return known(message.slice(2, end), unescape(message.slice(end + 2)), token);
}

/** `##[name props]data`, anywhere: the text before it is lost. */
function parseBrackets(line: string, token: string | null): Command | undefined {
  const start = line.indexOf("##[");
  const end = line.indexOf("]", start);
  if (start < 0 || end < 0) return undefined;
  const data = unescape(line.slice(end + 1).replaceAll("%3B", ";"), "%5D");
  return known(line.slice(start + 3, end), data, token);
}

function known(info: string, data: string, token: string | null): Command | undefined {
  const name = info.split(" ", 1)[0] ?? "";
  const key = name.toLowerCase();
  const registered =
    shown.has(key) ||
    silent.has(key) ||
    key === "add-mask" ||
    key === "stop-commands" ||
    key === token?.toLowerCase();
  return registered ? { name, data } : undefined;
}

function unescape(data: string, bracket?: string): string {
  const lines = data.replaceAll("%0D", "\r").replaceAll("%0A", "\n");
  return (bracket === undefined ? lines : lines.replaceAll(bracket, "]")).replaceAll("%25", "%");
}
