import { exitCodes } from "./failure.ts";
import { type Format, type Given, formats } from "./formats/format.ts";
import { type Host, say } from "./host.ts";
import type { Delivery, TextOutput } from "./request-options.ts";
import { appendToCommandFile } from "./runner.ts";

/**
 * Hands on what was got; rendered whole before any of it is written.
 *
 * @param summary the line that tells of success, if one is due
 */
export function deliver(
  given: Given,
  summary: string | null,
  delivery: Delivery,
  host: Host,
): number {
  if (delivery.kind === "caller") delivery.take(given);
  else write(given, delivery, host);
  if (summary !== null) say(host, summary);
  return exitCodes.done;
}

function write(given: Given, output: TextOutput, host: Host): void {
  const format: Format = formats[output.format];
  const text = format.render(given);
  if (output.kind === "file") appendToCommandFile(output.variable, output.path, text);
  else host.stdout.write(text);
}

/** Whether it ends up in variables, which an AWS profile may overrule. */
export function setsVariables(delivery: Delivery): boolean {
  return delivery.kind === "caller"
    ? delivery.setsVariables
    : formats[delivery.format].setsVariables;
}
