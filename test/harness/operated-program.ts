import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { onTestFinished } from "vitest";
import { ask, type Reply } from "../world/ask.ts";
import { type Golden, type Job, startWorld, type World } from "../world/index.ts";
import { auditIn, type AuditRecord, brokerEnvironment, type LogLine } from "./broker.ts";
import { Client } from "./client.ts";
import { configuration, type Grant } from "./config.ts";
import { program } from "./program.ts";

export interface OperatedProgramOptions {
  grants?: readonly Grant[];
  /** More of the configuration, such as public_url. */
  settings?: object;
  /** Instead of, or besides, the usual variables; an empty one counts as none. */
  environment?: (world: World, folder: string) => Record<string, string>;
  args?: readonly string[];
}

/** The packaged executable as its operator has it: signals, files to change, and the admin listener. */
export class OperatedProgram {
  readonly world: World;
  readonly golden: Golden;
  readonly folder: string;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #exit: Promise<number | NodeJS.Signals | null>;
  #output = "";

  private constructor(
    world: World,
    folder: string,
    child: ChildProcessByStdio<null, Readable, Readable>,
  ) {
    this.world = world;
    this.golden = world.github.golden();
    this.folder = folder;
    this.#child = child;
    this.#exit = new Promise((resolve) => {
      child.once("close", (code, signal) => resolve(code ?? signal));
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => (this.#output += chunk));
  }

  static async start({
    grants = [],
    settings = {},
    environment,
    args = [],
  }: OperatedProgramOptions = {}): Promise<OperatedProgram> {
    const world = await startWorld();
    const folder = mkdtempSync(join(tmpdir(), "actions2aws-operated-"));
    const file = join(folder, "config.yaml");
    writeFileSync(file, configuration(world, join(folder, "audit.jsonl"), grants, settings));
    const listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    const env = { ...brokerEnvironment(world), ...environment?.(world, folder) };
    const command = ["serve", "--config", file, ...listen, ...args];
    const child = spawn(program, command, { env, stdio: ["ignore", "pipe", "pipe"] });
    const operated = new OperatedProgram(world, folder, child);
    onTestFinished(async () => {
      await operated.stop();
    });
    await operated.until(() => operated.adminUrl !== "" || child.exitCode !== null);
    if (operated.adminUrl === "") throw new Error(`the broker ended:\n${operated.text}`);
    return operated;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits until something is so, within ten seconds. */
  async until(holds: () => boolean): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (!holds()) {
      if (Date.now() > deadline) throw new Error(`it did not come to that:\n${this.text}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  get text(): string {
    return this.#output;
  }

  get log(): LogLine[] {
    return this.#output.split("\n").flatMap((line) => {
      try {
        return [JSON.parse(line) as LogLine];
      } catch {
        return [];
      }
    });
  }

  get audit(): AuditRecord[] {
    return auditIn(join(this.folder, "audit.jsonl"));
  }

  get config(): string {
    return readFileSync(join(this.folder, "config.yaml"), "utf8");
  }

  get url(): string {
    return this.#said("listening");
  }

  get adminUrl(): string {
    return this.#said("admin listening");
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  configure(text: string | readonly Grant[]): void {
    const made =
      typeof text === "string"
        ? text
        : configuration(this.world, join(this.folder, "audit.jsonl"), text);
    writeFileSync(join(this.folder, "config.yaml"), made);
  }

  /** SIGHUP; returns when the broker has said what came of it. */
  async reload(): Promise<LogLine> {
    const outcome = (): LogLine[] =>
      this.log.filter(({ msg }) => /^(?:not )?reloaded/.test(String(msg)));
    const before = outcome().length;
    this.#child.kill("SIGHUP");
    await this.until(() => outcome().length > before);
    return outcome()[before] ?? {};
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  client(job: Job = this.golden.job): Promise<Client> {
    return Client.of(this.world, this.url, job);
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Reply> {
    return ask(this.adminUrl + path, headers);
  }

  async stop(): Promise<number | NodeJS.Signals | null> {
    this.#child.kill("SIGTERM");
    const exit = await this.#exit;
    await this.world.close();
    rmSync(this.folder, { recursive: true, force: true });
    return exit;
  }

  #said(message: string): string {
    const line = this.log.find(({ msg }) => msg === message);
    return typeof line?.url === "string" ? line.url : "";
  }
}
