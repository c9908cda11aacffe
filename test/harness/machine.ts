import { type ChildProcess, spawn } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { generateIdentity } from "age-encryption";
import { type Ended, path, program } from "./program.ts";

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What stderr and stdout hold by now. */
  soFar(): Pick<Ended, "stdout" | "stderr">;
}

export interface StartOptions {
  readonly env?: Record<string, string>;
  /** Runs a script of this shell, in which `$program` is the program, in place of the program itself. */
  readonly shell?: readonly [string, ...string[]];
}

const commandFiles = ["GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE"] as const;

/** A runner's machine as one step sees it: an identity, and files in all the places that a client could change. */
export class Machine {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;

  private constructor(folder: string) {
    this.folder = folder;
    this.env = {
      PATH: path,
      HOME: this.in("home"),
      RUNNER_TEMP: this.in("temp"),
      GITHUB_WORKSPACE: this.in("workspace"),
      GITHUB_ACTIONS: "true",
      GITHUB_REPOSITORY: "acme/app",
      GITHUB_RUN_ID: "5001",
      GITHUB_RUN_ATTEMPT: "1",
      GITHUB_JOB: "deploy",
      GITHUB_REF: "refs/heads/main",
      RUNNER_NAME: "GitHub Actions 12",
      program,
      ...Object.fromEntries(commandFiles.map((name) => [name, this.in("commands", name)])),
    };
  }

  /** @param folder a new one */
  static async in(folder: string): Promise<Machine> {
    const machine = new Machine(folder);
    for (const name of ["home/.aws", "temp/actions2aws", "workspace", "commands"])
      mkdirSync(machine.in(name), { recursive: true, mode: 0o700 });
    for (const name of commandFiles) writeFileSync(machine.in("commands", name), "BEFORE=1\n");
    writeFileSync(machine.in("home/.aws/credentials"), "[other]\nregion = eu-west-1\n");
    writeFileSync(machine.in("home/.aws/config"), "[profile other]\noutput = json\n");
    writeFileSync(machine.identityFile, `${await generateIdentity()}\n`, { mode: 0o600 });
    return machine;
  }

  in(...names: string[]): string {
    return join(this.folder, ...names);
  }

  get identityFile(): string {
    return this.in("temp/actions2aws/identity");
  }

  /** @param words the program's arguments, or a shell's script */
  start(words: readonly string[], { env = {}, shell }: StartOptions = {}): Running {
    const [command, ...args] = shell ? [...shell, "-c", ...words] : [program, ...words];
    const child = spawn(command, args, {
      cwd: this.in("workspace"),
      env: { ...this.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const written = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const)
      child[stream].setEncoding("utf8").on("data", (text: string) => (written[stream] += text));
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exitCode) => resolve({ exitCode, ...written }));
    });
    return { child, ended, soFar: () => ({ ...written }) };
  }

  run(words: readonly string[], options?: StartOptions): Promise<Ended> {
    return this.start(words, options).ended;
  }

  /** Each file with its mode and its content; folders only for what is in them. */
  files(): Record<string, string> {
    const all = readdirSync(this.folder, { recursive: true, withFileTypes: true });
    const files = all.filter((entry) => !entry.isDirectory());
    return Object.fromEntries(
      files.map((entry) => {
        const file = join(entry.parentPath, entry.name);
        return [relative(this.folder, file), contentOf(file)];
      }),
    );
  }
}

function contentOf(file: string): string {
  const stats = lstatSync(file);
  const mode = (stats.mode & 0o777).toString(8);
  if (stats.isSymbolicLink()) return `-> ${readlinkSync(file)}`;
  return stats.isFile() ? `${mode} ${readFileSync(file, "latin1")}` : `${mode}, no regular file`;
}
