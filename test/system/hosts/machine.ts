import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";

/** Namespaces and containers are made by root; CI of some makers runs as somebody else, who may sudo. */
export const asRoot = process.getuid?.() === 0 ? [] : ["sudo", "-n"];

export interface Done {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function root(...command: readonly string[]): Promise<Done> {
  return run(...asRoot, ...command);
}

export function run(...command: readonly string[]): Promise<Done> {
  const [program = "", ...args] = command;
  return new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error && typeof error.code !== "number") reject(error);
      else resolve({ exitCode: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

/** What is started by itself is nothing: these stand for what units want to come after. */
const emptyTargets = ["machine", "sysinit", "basic", "shutdown", "network-online", "multi-user"];
const emptyTarget = "[Unit]\nDefaultDependencies=no\n";

/** systemd as process 1, in namespaces of its own: see machine.sh. */
export class Machine {
  readonly #folder: string;
  readonly #process: ChildProcess;
  #output = "";

  private constructor(folder: string, process: ChildProcess) {
    this.#folder = folder;
    this.#process = process;
    for (const stream of [process.stdout, process.stderr])
      stream?.setEncoding("utf8").on("data", (chunk: string) => (this.#output += chunk));
  }

  /** @param source a folder that it sees as /source */
  static async start(source: string): Promise<Machine> {
    const folder = mkdtempSync(join(tmpdir(), "actions2aws-machine-"));
    for (const name of ["units", "memory", "root"]) mkdirSync(join(folder, name));
    for (const name of emptyTargets)
      writeFileSync(join(folder, `units/${name}.target`), emptyTarget);
    const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--cgroup"];
    const script = join(import.meta.dirname, "machine.sh");
    const [program, ...args] = [
      ...asRoot,
      "unshare",
      ...namespaces,
      script,
      folder,
      source,
    ] as const;
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const machine = new Machine(folder, child);
    await machine.until(async () => {
      if (child.exitCode !== null) return true;
      return (await machine.systemctl("is-active", "machine.target")).exitCode === 0;
    });
    if (child.exitCode !== null) throw new Error(`no machine: ${machine.#output}`);
    return machine;
  }

  systemctl(...args: readonly string[]): Promise<Done> {
    return this.run("systemctl", ...args);
  }

  /** A property of a unit, as `systemctl show` has it. */
  async property(unit: string, name: string): Promise<string> {
    return (await this.systemctl("show", unit, "--value", "--property", name)).stdout.trim();
  }

  run(...command: readonly string[]): Promise<Done> {
    const pid = this.#pid;
    const inside = ["--mount", "--pid", "--uts", "--ipc", "--cgroup", `--wd=/proc/${pid}/root`];
    return root("nsenter", "--target", pid, ...inside, ...command);
  }

  async read(path: string): Promise<string> {
    return (await this.run("cat", path)).stdout;
  }

  write(path: string, text: string): Promise<Done> {
    return this.run("sh", "-c", 'printf %s "$2" >"$1"', "sh", path, text);
  }

  async until(holds: () => Promise<boolean>): Promise<void> {
    await vi.waitFor(
      async () => {
        if (!(await holds())) throw new Error(`it did not come to that:\n${this.#output}`);
      },
      { timeout: 30_000, interval: 100 },
    );
  }

  async stop(): Promise<void> {
    const gone = once(this.#process, "exit");
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      await root("kill", "-KILL", this.#pid);
      await gone;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #pid(): string {
    try {
      return readFileSync(join(this.#folder, "pid"), "utf8").trim();
    } catch {
      return "none";
    }
  }
}
