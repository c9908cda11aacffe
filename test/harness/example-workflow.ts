import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { root } from "../../scripts/bundle.ts";

export const folder = join(root, "examples/workflows");

interface WorkflowJob {
  readonly name?: string;
  readonly uses?: string;
  readonly with?: Record<string, string>;
  readonly environment?: string;
  readonly permissions: Record<string, string>;
  readonly strategy?: { readonly matrix: Record<string, readonly (string | number)[]> };
  readonly steps?: readonly {
    readonly name?: string;
    readonly uses?: string;
    readonly run?: string;
    readonly with?: Record<string, string | boolean>;
    readonly env?: Record<string, string>;
  }[];
}

export interface Workflow {
  readonly on: Record<string, unknown>;
  readonly permissions: object;
  readonly jobs: Record<string, WorkflowJob>;
}

/** A job as a run of the workflow has it, and its step that asks for credentials. */
export interface ExampleJob {
  /** As GitHub shows it. */
  readonly name: string;
  readonly environment: string | null;
  /** For a job of a called workflow: which one, as the caller names it. */
  readonly called: string | null;
  readonly idToken: boolean;
  readonly step: string;
  /** What the step runs, or what does the same as the action that it uses. */
  readonly script: string;
  readonly env: Record<string, string>;
}

export function workflowIn(file: string): Workflow {
  return parse(readFileSync(join(folder, file), "utf8")) as Workflow;
}

/** The jobs that a run of this workflow has: one for each combination of a matrix, and those it calls. */
export function jobsOf(file: string, inputs: Record<string, string> = {}): ExampleJob[] {
  return Object.entries(workflowIn(file).jobs).flatMap(([key, job]): ExampleJob[] => {
    const name = job.name ?? key;
    if (job.uses === undefined) return namesIn(name, job).map((it) => jobOf(it, job, inputs));
    const called = job.uses;
    const callee = /([\w-]+\.yml)@/.exec(called)?.[1] ?? "";
    return jobsOf(callee, job.with).map((it) => ({
      ...it,
      called,
      name: `${name} / ${it.name}`,
      idToken: it.idToken && job.permissions["id-token"] === "write",
    }));
  });
}

function namesIn(name: string, { strategy }: WorkflowJob): string[] {
  const axes = Object.values(strategy?.matrix ?? {});
  if (axes.length === 0) return [name];
  const combinations = axes.reduce<(string | number)[][]>(
    (done, axis) => done.flatMap((some) => axis.map((value) => [...some, value])),
    [[]],
  );
  return combinations.map((values) => `${name} (${values.join(", ")})`);
}

function jobOf(name: string, job: WorkflowJob, inputs: Record<string, string>): ExampleJob {
  const asking = job.steps?.find(({ uses = "", run = "" }) => {
    return uses.includes("/actions2aws/request@") || run.startsWith("actions2aws request");
  });
  if (asking?.name === undefined) throw new Error(`${name} has no step that asks, with a name`);
  const given = Object.entries(asking.with ?? {}).map(([input, value]) => {
    return [`ACTIONS2AWS_${input.toUpperCase().replaceAll("-", "_")}`, String(value)] as const;
  });
  const env = [...given, ...Object.entries(asking.env ?? {})].map(([variable, value]) => [
    variable,
    value.replace(/\$\{\{ inputs\.(\w+) \}\}/g, (_all, input: string) => inputs[input] ?? ""),
  ]);
  return {
    name,
    environment: job.environment ?? null,
    called: null,
    idToken: job.permissions["id-token"] === "write",
    step: asking.name,
    script: asking.run ?? "actions2aws request --format github-env",
    env: Object.fromEntries(env) as Record<string, string>,
  };
}
