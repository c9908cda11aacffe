import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { Job as WorldJob, Step as WorldStep, World } from "../world/index.ts";
import { type Action, readAction } from "./action.ts";
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

/** What a workflow says of a step that uses an action. */
export interface UseOptions extends Pick<StepOptions, "env" | "idToken"> {
  readonly with?: Readonly<Record<string, string>>;
  /** What job.check_run_id is; the job's own id unless told otherwise. */
  readonly checkRunId?: string;
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

/** A step that has used an action. */
export interface Used extends Step {
  readonly outputs: Readonly<Record<string, string>>;
  readonly state: Readonly<Record<string, string>>;
}

interface Post {
  readonly name: string;
  readonly action: Action;
  readonly own: Readonly<Record<string, string>>;
  readonly state: Readonly<Record<string, string>>;
}

interface Process {
  readonly words: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
}

/** A job of the world whose steps are real processes, run as the runner runs them. */
export class Job {
  readonly job: WorldJob;
  readonly folder: string;
  readonly steps: Step[] = [];
  /** The posts of the actions that have been used, in the order in which they will run. */
  readonly #posts: Post[] = [];
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
    const step = this.#begin(name);
    const header = { script, shell: `${shell.join(" ")} {0}`, env };
    this.#world.github.stepHeader(this.job, step, header);
    const file = this.inTemp(`step-${step.number}.sh`);
    writeFileSync(file, script);
    const words = [...shell, file] as const;
    return this.#execute(
      step,
      { words, env: { ...this.#tokens(idToken), ...env } },
      showsCredentials,
    );
  }

  /**
   * Uses an action of this repository as the runner does: inputs with their defaults as variables, and
   * files of the step's own for outputs and state. Its post step waits for `runPosts`.
   *
   * @see https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax
   */
  async use(name: string, folder: string, options: UseOptions = {}): Promise<Used> {
    const { env = {}, idToken, with: given = {}, checkRunId = String(this.job.id) } = options;
    const action = readAction(folder);
    const step = this.#begin(name);
    const inputs = action.inputs(given, checkRunId);
    this.#world.github.useHeader(this.job, step, { uses: `./${folder}`, with: inputs.shown, env });
    const files = this.#commandFiles(`use-${step.number}`);
    const own = { ...this.#tokens(idToken), ...inputs.variables, ...env };
    const ended = await this.#execute(step, { words: action.main, env: { ...files, ...own } });
    const state = environmentIn(files.GITHUB_STATE);
    this.#posts.unshift({ name: `Post ${name}`, action, own, state });
    return { ...ended, outputs: environmentIn(files.GITHUB_OUTPUT), state };
  }

  /** What the runner does when a job's steps are over, however they have ended. */
  async runPosts(): Promise<Step[]> {
    const ended: Step[] = [];
    for (const post of this.#posts.splice(0)) ended.push(await this.#post(post));
    return ended;
  }

  /** What another process of the job could have put into the state of the last action. */
  forgeState(state: Readonly<Record<string, string>>): void {
    const [post] = this.#posts;
    if (post === undefined) throw new Error("no action has been used");
    this.#posts[0] = { ...post, state };
  }

  #post({ name, action, own, state }: Post): Promise<Step> {
    const step = this.#begin(name);
    const files = this.#commandFiles(`use-${step.number}`);
    const saved = Object.entries(state).map(([key, value]) => [`STATE_${key}`, value]);
    const env = { ...own, ...files, ...Object.fromEntries(saved) };
    return this.#execute(step, { words: action.post, env });
  }

  #begin(name: string): WorldStep {
    const { github } = this.#world;
    const waiting = this.job.steps.find((step) => step.name === name && step.status === "queued");
    return waiting ? github.startStep(this.job, waiting) : github.addStep(this.job, { name });
  }

  #tokens(idToken = false): Readonly<Record<string, string>> {
    return idToken ? this.#world.issuer.environment(this.job) : {};
  }

  #commandFiles(name: string) {
    const files = {
      GITHUB_OUTPUT: this.inTemp(`${name}-output`),
      GITHUB_STATE: this.inTemp(`${name}-state`),
    };
    for (const file of Object.values(files)) appendFileSync(file, "");
    return files;
  }

  /** Runs a process that speaks through the runner into the live feed line by line. */
  async #execute(
    step: WorldStep,
    { words, env }: Process,
    showsCredentials = false,
  ): Promise<Step> {
    const { github } = this.#world;
    appendFileSync(this.#environmentFile, "");
    const [command, ...args] = words;
    const child = spawn(command, args, {
      cwd: join(this.folder, "workspace"),
      env: { ...this.#environment(), ...env },
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
