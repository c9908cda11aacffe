import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { program } from "../harness/program.ts";
import type { Job, SimulatedGitHub, Step, World } from "../world/index.ts";

// act (https://github.com/nektos/act) runs workflows on this machine, without containers. What a job's
// processes write goes line by line into the world's live feed, as the runner brings it to GitHub.
//
// What act 0.2.89 does not have, and how it is made up for:
// - job.check_run_id: it is empty, and with it the actions' job-id. Jobs are then found by RUNNER_NAME,
//   which the environment brings; a matrix is given its ids by ACTIONS2AWS_JOB_ID.
// - runners of its own: one environment is all jobs' environment, so that only single jobs have a
//   RUNNER_NAME, and RUNNER_TRACKING_ID is empty.
// - the run: GITHUB_RUN_ID and its kind are taken from --env, the commit from SHA_REF.
// - headers of steps, and names for steps that have none: the examples name those that count.
// - `::error::` and `::add-mask::` are shown as log entries of its own, with the line as it was written.
// - a Node of its own: JavaScript actions run by the one on PATH, which is 24 here as with the runner.
// - checkouts and the network: `--local-repository` stands for this repository at GitHub.

const root = join(import.meta.dirname, "../..");

/** By which the examples name this repository, as they name every action; a release's would stand here. */
const commit = "0".repeat(40);

/** One line of act's log. */
interface Entry {
  readonly msg?: string;
  readonly jobID?: string;
  readonly matrix?: Readonly<Record<string, unknown>> | null;
  readonly step?: string;
  readonly stage?: "Pre" | "Main" | "Post";
  /** A line of a process, in `msg`. */
  readonly raw_output?: boolean;
  /** A workflow command of a process, as it was written. */
  readonly raw?: string;
  readonly stepResult?: string;
  readonly jobResult?: string;
}

export interface Workflow {
  readonly text: string;
  /** By their keys, and in a matrix by its values: `deploy`, `deploy staging`. */
  readonly jobs: Readonly<Record<string, Job>>;
  /** What the machine brings to all jobs. */
  readonly env: Readonly<Record<string, string>>;
  readonly vars: Readonly<Record<string, string>>;
}

export interface Ran {
  readonly exitCode: number | null;
  /** All that act has written, but for its own record of workflow commands. */
  readonly shown: string;
  /** The jobs' home, in which act has kept its files. */
  readonly home: string;
}

/** Runs a workflow to its end, while its jobs do in the world what they do here. */
export async function runWorkflow(world: World, workflow: Workflow): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-act-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const home = join(folder, "home");
  for (const name of ["home", "repository", "actions"]) mkdirSync(join(folder, name));
  // The actions as a checkout of them has them: not where their sources and packages are.
  for (const name of ["keygen", "request", "package.json"])
    cpSync(join(root, name), join(folder, "actions", name), { recursive: true });
  writeFileSync(join(folder, "workflow.yml"), workflow.text);
  const child = spawn("act", wordsFor(folder, world, workflow), {
    cwd: join(folder, "repository"),
    env: {
      HOME: home,
      PATH: `${dirname(process.execPath)}:${dirname(program)}:${process.env.PATH ?? ""}`,
      // Nothing leaves this machine, whatever is asked for.
      HTTPS_PROXY: "http://127.0.0.1:1",
      ...workflow.env,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const shown: string[] = [];
  const follower = new Follower(world, workflow.jobs);
  for await (const line of createInterface({ input: child.stdout })) {
    const entry = entryIn(line);
    follower.take(entry);
    shown.push(entry.msg ?? line);
  }
  return { exitCode: await exit, shown: shown.join("\n"), home };
}

function wordsFor(folder: string, { github }: World, { jobs, vars }: Workflow): string[] {
  const [job, ...others] = Object.values(jobs);
  if (job === undefined) throw new Error("a workflow has jobs");
  const { RUNNER_NAME: runner, ...run } = github.environment(job);
  const all = {
    ...run,
    SHA_REF: job.run.headSha,
    ...(others.length === 0 && runner !== undefined && { RUNNER_NAME: runner }),
  };
  const pairs = (option: string, values: Readonly<Record<string, string>>): string[] =>
    Object.entries(values).flatMap(([name, value]) => [option, `${name}=${value}`]);
  return [
    job.run.event,
    "--json",
    "--rm",
    "--pull=false",
    "--no-cache-server",
    "--platform=ubuntu-24.04=-self-hosted",
    "--container-daemon-socket=-",
    `--local-repository=acme/actions2aws@${commit}=${join(folder, "actions")}`,
    `--workflows=${join(folder, "workflow.yml")}`,
    ...pairs("--env", all),
    ...pairs("--var", vars),
  ];
}

function entryIn(line: string): Entry {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return {};
  }
}

/** Does in the world what act tells of its jobs. */
class Follower {
  readonly #github: SimulatedGitHub;
  readonly #jobs: Workflow["jobs"];

  constructor({ github }: World, jobs: Workflow["jobs"]) {
    this.#github = github;
    this.#jobs = jobs;
  }

  take({ msg = "", ...entry }: Entry): void {
    const job = this.#jobs[[entry.jobID, ...Object.values(entry.matrix ?? {})].join(" ")];
    if (job === undefined) return;
    if (entry.jobResult !== undefined)
      return this.#github.completeJob(job, conclusionOf(entry.jobResult));
    if (entry.stage === undefined) return;
    const name = `${entry.stage === "Post" ? "Post " : ""}${entry.step}`;
    if (/^⭐ Run (?:Main|Post) /u.test(msg)) this.#github.addStep(job, { name });
    const step = job.steps.find((each) => each.name === name);
    if (step === undefined) return;
    if (entry.raw_output === true) this.#say(job, step, msg);
    else if (entry.raw !== undefined) this.#say(job, step, entry.raw);
    else if (entry.stepResult !== undefined && step.status === "in_progress")
      this.#github.completeStep(job, step, conclusionOf(entry.stepResult));
  }

  /** act may tell of a step's last lines after its end; a runner would have them in its log. */
  #say(job: Job, step: Step, line: string): void {
    const { status } = step;
    step.status = "in_progress";
    this.#github.say(job, step, line);
    if (status === "completed") Object.assign(step, { status, live: [] });
  }
}

function conclusionOf(result: string): "success" | "failure" {
  return result === "success" ? "success" : "failure";
}
