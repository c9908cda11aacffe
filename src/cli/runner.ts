import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import type { Credentials } from "./credentials.ts";
import { Failure, exitCodes, systemCode } from "./failure.ts";
import { type Host, isInJob } from "./host.ts";
import { oneLine } from "./plain-text.ts";
import type { Sink } from "./sink.ts";

/** Makes the runner hide a value in the job's log from now on. */
export function addMask(stderr: Sink, value: string): void {
  stderr.write(`::add-mask::${escapeData(value)}\n`);
}

/** On stderr, since stdout may be captured; before anything can show them (C-05). */
export function maskCredentials(
  { accessKeyId, secretAccessKey, sessionToken }: Credentials,
  host: Pick<Host, "env" | "stderr">,
): void {
  if (!isInJob(host.env)) return;
  for (const secret of [accessKeyId, secretAccessKey, sessionToken])
    addMask(host.stderr, secret.reveal());
}

/** Shows a line of ours as what went wrong, in the log and beside the run. */
export function addError(stderr: Sink, text: string): void {
  stderr.write(`::error title=actions2aws::${escapeData(oneLine(text))}\n`);
}

/** As the runner's toolkit does it. */
function escapeData(value: string): string {
  return value.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

/** One that no value can have guessed (C-01). */
function freshDelimiter(): string {
  return `ghadelimiter_${randomUUID()}`;
}

/** For GITHUB_ENV, GITHUB_OUTPUT and GITHUB_STATE. */
export function fileCommands(pairs: readonly (readonly [name: string, value: string])[]): string {
  const delimiter = freshDelimiter();
  return pairs.map(([name, value]) => fileCommand(name, value, delimiter)).join("");
}

/** `NAME<<DELIMITER`, the value, `DELIMITER`: the form of GITHUB_ENV and GITHUB_OUTPUT for any value. */
export function fileCommand(name: string, value: string, delimiter: string): string {
  if (value.includes(delimiter) || name.includes(delimiter))
    throw new Error("the delimiter is in the value");
  return `${name}<<${delimiter}\n${value}\n${delimiter}\n`;
}

const { O_RDWR, O_APPEND, O_CREAT } = constants;
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0;
const O_NONBLOCK = constants.O_NONBLOCK ?? 0;

/**
 * Appends all or nothing, on a line of its own even if an earlier step left the last one open.
 *
 * @returns takes it back
 */
export function appendToCommandFile(variable: string, path: string, text: string): () => void {
  try {
    const file = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    try {
      const stats = fstatSync(file);
      if (!stats.isFile()) throw new Failure(exitCodes.other, `${variable} is not a regular file`);
      const last = Buffer.alloc(1);
      const isOpen =
        stats.size > 0 &&
        readSync(file, last, 0, 1, stats.size - 1) === 1 &&
        last.toString() !== "\n";
      writeWhole(file, isOpen ? `\n${text}` : text, stats.size);
      return () => truncateSync(path, stats.size);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(
      exitCodes.other,
      `the file of ${variable} cannot be written (${systemCode(error)})`,
    );
  }
}

/** A disk can be full half-way: a key id without its secret would go with what was set before (C-13). */
function writeWhole(file: number, text: string, before: number): void {
  try {
    writeFileSync(file, Buffer.from(text));
  } catch (error) {
    ftruncateSync(file, before);
    throw error;
  }
}
