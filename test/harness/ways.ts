import { expect } from "vitest";
import type { Machine, StartOptions } from "./machine.ts";
import type { Ended } from "./program.ts";
import type { ScriptedBroker } from "./scripted-broker.ts";

interface Way {
  readonly words: readonly string[];
  /** What stdout may say when there are no credentials, and no more than that. */
  readonly failure: string;
}

function format(name: string, failure = ""): Way {
  return { words: ["--format", name], failure };
}

/** A command that leaves a trace. */
const command = ["--", "sh", "-c", 'env > "$HOME/ran"'];

/** All the ways to hand credentials on. */
export const ways = {
  shell: format("shell", "false\n"),
  "github-env": format("github-env"),
  "github-output": format("github-output"),
  json: format("json"),
  "credential-process": format("credential-process"),
  dotenv: format("dotenv"),
  powershell: format("powershell", "throw 'actions2aws request failed'\n"),
  "--profile": { words: ["--profile", "deploy"], failure: "false\n" },
  "-- command": { words: command, failure: "" },
  "--refresh -- command": { words: ["--refresh", ...command], failure: "" },
} as const satisfies Record<string, Way>;

export type WayName = keyof typeof ways;

export const wayNames = Object.keys(ways) as WayName[];

export const role = "arn:aws:iam::123456789012:role/app-deploy";

/** The words of a request. What follows `--` comes last. */
export function requestOf(broker: Pick<ScriptedBroker, "url">, way: WayName, more: string[] = []) {
  const where = ["--url", broker.url, "--role", role, "--timeout", "30s"];
  return ["request", ...where, ...more, ...ways[way].words];
}

export interface Attempt extends Ended {
  readonly way: WayName;
  readonly before: Record<string, string>;
  readonly after: Record<string, string>;
}

/** A request, and what it did to the machine's files. */
export async function attempt(
  machine: Machine,
  broker: Pick<ScriptedBroker, "url">,
  way: WayName,
  { more = [], ...options }: StartOptions & { more?: string[] } = {},
): Promise<Attempt> {
  const before = machine.files();
  const ended = await machine.run(requestOf(broker, way, more), options);
  return { ...ended, way, before, after: machine.files() };
}

/** What the program itself says, and nothing else: no workflow command, no escape sequence. */
const plainLine =
  /^(?:ACTIONS2AWS PROOF: age1[02-9ac-hj-np-z]{58} [A-Za-z0-9_.-]{16,200}|actions2aws: [^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+|)$/u;

/** Its words are plain, and none of the broker's can be taken for a command of the runner's. */
export function expectPlain(stderr: string): void {
  expect(stderr.split("\n").filter((line) => !plainLine.test(line))).toEqual([]);
  expect(stderr).not.toContain("##[");
}

/** Failed: nothing is written, nothing is exported, nothing but failure is said, and plainly. */
export function expectNothing({ way, exitCode, stdout, stderr, before, after }: Attempt): void {
  expect(exitCode).toBeGreaterThan(0);
  expect(stdout).toBe(ways[way].failure);
  expectPlain(stderr);
  expect(stderr).toMatch(/^actions2aws: /m);
  expect(stderr).not.toMatch(/canary/i);
  expect(after).toEqual(before);
}
