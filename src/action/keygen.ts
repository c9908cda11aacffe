import { exitCodes } from "../cli/failure.ts";
import type { Host } from "../cli/host.ts";
import { announceKey } from "../cli/keygen.ts";
import { appendToCommandFile, fileCommands } from "../cli/runner.ts";
import { commandFile } from "./command-file.ts";
import { switchInput, textInput } from "./inputs.ts";
import { runStep } from "./run-step.ts";

runStep(keygenStep);

function keygenStep(host: Host): number {
  const { env } = host;
  const identity = textInput("identity", env);
  const force = switchInput("force", env) ?? false;
  const output = commandFile("GITHUB_OUTPUT", env);
  const publicKey = announceKey({ ...(identity !== undefined && { identity }), force }, host);
  appendToCommandFile("GITHUB_OUTPUT", output, fileCommands([["public-key", publicKey]]));
  return exitCodes.done;
}
