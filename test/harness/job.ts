import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { Job as WorldJob, World } from "../world/index.ts";
import { environmentIn } from "./environment-file.ts";
import { path } from "./program.ts";

export interface StepOptions {
  /** How the runner calls the script: `bash -e {0}` unless the workflow says otherwise. */
  readonly shell?: readonly [string, ...string[]];
  readonly env?: Record<string, string>;
  /** With `id-token: write`: the runner gives each step the means to ask for tokens, and shows none of them. */
  readonly idToken?: boolean;
  /** The step writes credentials to its own output, so only the runner's masks keep them out of the log. */
  readonly showsCredentials?: boolean;
}

/** A step that has ended. */
export interface Step {
  readonly exitCode: number | null;
  /** What its processes wrote, before the runner masked any of it. */
  readonly stdout: string;
  readonly stderr: string;
  /** What the log has of it. */
  readonly log: string;
  readonly showsCredentials: boolean;
}

/** A job of the world whose steps are real processes, run as the runner runs them. */
export class Job {
  readonly job: WorldJob;
  readonly folder: string;
  readonly steps: Step[] = [];
  readonly #world: World;

  constructor(world: World, job: WorldJob, folder: string) {
    this.#world = world;
    this.job = job;
    this.folder = folder;
    for (const name of ["temp", "home", "workspace"])
      mkdirSync(join(folder, name), { recursive: true });
  }

  /** A file in the job's temporary folder, which steps find as `$RUNNER_TEMP`. */
  inTemp(name: string): string {
    return join(this.folder, "temp", name);
  }

  /** What `env` wrote to a file in the temporary folder. */
  seen(name: string): Record<string, string> {
    const text = existsSync(this.inTemp(name)) ? readFileSync(this.inTemp(name), "utf8") : "";
    const lines = text.split("\n").filter((line) => line.startsWith("AWS_"));
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
  }

  /**
   * Runs a script as the step of this name, which begins, speaks through the runner into the live feed
   * line by line, and ends as its exit code says.
   */
  async run(name: string, script: string, options: StepOptions = {}): Promise<Step> {
    const { shell = ["bash", "-e"], env = {}, idToken, showsCredentials = false } = options;
    const { github, issuer } = this.#world;
    const waiting = this.job.steps.find((step) => step.name === name && step.status === "queued");
    const step = waiting ? github.startStep(this.job, waiting) : github.addStep(this.job, { name });
    github.stepHeader(this.job, step, { script, shell: `${shell.join(" ")} {0}`, env });
    const file = this.inTemp(`step-${step.number}.sh`);
    writeFileSync(file, script);
    appendFileSync(this.#environmentFile, "");
    const [command, ...args] = shell;
    const child = spawn(command, [...args, file], {
      cwd: join(this.folder, "workspace"),
      env: { ...this.#environment(), ...(idToken && issuer.environment(this.job)), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const written = { stdout: "", stderr: "" };
    const heard = (["stdout", "stderr"] as const).map((stream) => {
      child[stream].on("data", (chunk: Buffer) => (written[stream] += chunk.toString()));
      return github.listen(this.job, step, child[stream].pipe(new PassThrough()));
    });
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    await Promise.all(heard);
    github.completeStep(this.job, step, exitCode === 0 ? "success" : "failure");
    const ended = { exitCode, ...written, log: step.log, showsCredentials };
    this.steps.push(ended);
    return ended;
  }

  complete(): void {
    this.#world.github.completeJob(this.job);
  }

  get #environmentFile(): string {
    return this.inTemp("github-env");
  }

  #environment(): Record<string, string> {
    return {
      ...this.#world.github.environment(this.job),
      PATH: path,
      HOME: join(this.folder, "home"),
      RUNNER_TEMP: join(this.folder, "temp"),
      GITHUB_WORKSPACE: join(this.folder, "workspace"),
      GITHUB_ENV: this.#environmentFile,
      GITHUB_OUTPUT: this.inTemp("github-output"),
      ...environmentIn(this.#environmentFile),
    };
  }
}
