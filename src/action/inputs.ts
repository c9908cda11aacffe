import { usageError } from "../cli/failure.ts";
import type { Environment } from "../cli/host.ts";
import type { RequestFlags } from "../cli/request-options.ts";

/** Inputs of request that are options of the command line, by another spelling at most. */
const options = {
  url: "url",
  role: "role",
  step: "step",
  region: "region",
  proof: "proof",
  duration: "duration",
  profile: "profile",
  "expect-account": "expectAccount",
  timeout: "timeout",
  identity: "identity",
  "job-id": "jobId",
} as const satisfies Record<string, keyof RequestFlags>;

/** As the runner hands it over; blanks around it do not count, and empty is absent. */
export function textInput(name: string, env: Environment): string | undefined {
  return env[`INPUT_${name.toUpperCase()}`]?.trim() || undefined;
}

export function switchInput(name: string, env: Environment): boolean | undefined {
  const text = textInput(name, env);
  if (text === undefined) return undefined;
  if (/^true$/i.test(text)) return true;
  if (/^false$/i.test(text)) return false;
  throw usageError(`the input \`${name}\` must be true or false`);
}

/** What the command line would have said. */
export function flagsOfInputs(env: Environment): RequestFlags {
  const given = Object.entries(options).flatMap(([name, flag]) => {
    const text = textInput(name, env);
    return text === undefined ? [] : [[flag, text] as const];
  });
  const maskAccountId = switchInput("mask-account-id", env);
  return {
    ...Object.fromEntries(given),
    ...(maskAccountId !== undefined && { maskAccountId }),
  };
}

/** Where the job wants to find its credentials. */
export interface Ways {
  /** In the environment of its later steps. */
  readonly env: boolean;
  /** In the outputs of this step. */
  readonly output: boolean;
}

export function waysOfInput(env: Environment): Ways {
  const words = new Set((textInput("format", env) ?? "env").split(/[\s,]+/));
  const ways = { env: words.delete("env"), output: words.delete("output") };
  if (words.size === 0) return ways;
  throw usageError("the input `format` must be env, output, or both: `env, output`");
}

/** A line for who writes a workflow, and gives inputs where others give options. */
export function withInputNames(line: string): string {
  return line.replaceAll(/--([a-z]+(?:-[a-z]+)*)/g, (option, name: string) =>
    Object.hasOwn(options, name) ? `the input \`${name}\`` : option,
  );
}
