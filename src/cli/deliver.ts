import { exitCodes } from "./failure.ts";
import { type Format, type Given, formats } from "./formats/format.ts";
import { type Host, say } from "./host.ts";
import type { Output } from "./request-options.ts";
import { runCommand } from "./run-command.ts";
import { appendToCommandFile } from "./runner.ts";

/**
 * Hands checked credentials on; rendered whole before any of it is written.
 *
 * @param summary the line that tells of success
 */
export async function deliver(
  given: Given,
  summary: string,
  output: Output,
  host: Host,
): Promise<number> {
  if (output.kind === "command") {
    warnOfProfile(host);
    say(host, summary);
    return runCommand(output.command, given.variables, host);
  }
  const format: Format = formats[output.format];
  const text = format.render(given);
  if (format.setsVariables) warnOfProfile(host);
  if (output.kind === "file") appendToCommandFile(output.variable, output.path, text);
  else host.stdout.write(text);
  say(host, summary);
  return exitCodes.done;
}

/** The job would go on with other credentials than it thinks (C-13). */
function warnOfProfile({ env, stderr }: Host): void {
  for (const name of ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]) {
    if (env[name])
      say(
        { stderr },
        `warning: ${name} is set, and some AWS tools prefer it to these credentials: unset it`,
      );
  }
}
