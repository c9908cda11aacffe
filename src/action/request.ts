import type { Host } from "../cli/host.ts";
import { type Delivery, type Output, parseRequestOptions } from "../cli/request-options.ts";
import { request } from "../cli/request.ts";
import { commandFile } from "./command-file.ts";
import { handOn } from "./hand-on.ts";
import { flagsOfInputs, waysOfInput } from "./inputs.ts";
import { runForProfile } from "./profile-command.ts";
import { runStep } from "./run-step.ts";

// The runner gives no arguments; a profile that a step has written does.
const [, , word, ...args] = process.argv;
if (word === undefined) runStep(requestStep);
else runForProfile([word, ...args]);

function requestStep(host: Host): Promise<number> {
  const { env } = host;
  const ways = waysOfInput(env);
  commandFile("GITHUB_OUTPUT", env);
  if (ways.env) commandFile("GITHUB_ENV", env);
  const profile = env.ACTIONS2AWS_PROFILE ? { profile: env.ACTIONS2AWS_PROFILE } : {};
  // The format stands for none: what is got comes back to us.
  const flags = { ...profile, ...flagsOfInputs(env), format: "json" };
  const options = parseRequestOptions(flags, null, env);
  const output = deliveredTo(
    { kind: "caller", setsVariables: ways.env, take: (it) => handOn(it, options, ways, env) },
    options.output,
  );
  return request({ ...options, output }, host);
}

function deliveredTo(delivery: Delivery, output: Output): Output {
  return output.kind === "profile" ? { ...output, delivery } : delivery;
}
