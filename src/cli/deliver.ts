import { exitCodes } from "./failure.ts";
import { type Format, type Given, formats } from "./formats/format.ts";
import { type Host, say } from "./host.ts";
import type { TextOutput } from "./request-options.ts";
import { appendToCommandFile } from "./runner.ts";

/**
 * Hands on what was got; rendered whole before any of it is written.
 *
 * @param summary the line that tells of success, if one is due
 */
export function deliver(
  given: Given,
  summary: string | null,
  output: TextOutput,
  host: Host,
): number {
  const format: Format = formats[output.format];
  const text = format.render(given);
  if (output.kind === "file") appendToCommandFile(output.variable, output.path, text);
  else host.stdout.write(text);
  if (summary !== null) say(host, summary);
  return exitCodes.done;
}
