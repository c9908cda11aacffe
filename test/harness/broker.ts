import { spawn, type ChildProcessByStdio } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { expect } from "vitest";
import { ask } from "../world/ask.ts";
import type { World } from "../world/index.ts";
import { path, program } from "./program.ts";

/** `canary` is in every secret of a test, so that one search finds them all. */
export const signingKey = "canary-signing-key-of-more-than-32-characters";

/** One line of the broker's own log. */
export type LogLine = Readonly<Record<string, unknown>>;
/** One line of its audit file. */
export type AuditRecord = Readonly<Record<string, unknown>> & { readonly decision: string };

export interface BrokerFiles {
  readonly config: string;
  readonly audit: string;
}

export interface BrokerOptions {
  readonly listen?: string;
  /** Instead of, or besides, the usual variables. */
  readonly env?: Record<string, string>;
  /** With an admin listener. */
  readonly admin?: boolean | undefined;
  /** What starts it, before the program's own path: `prlimit --nofile=64`. */
  readonly within?: readonly string[];
  /** More of its command line. */
  readonly args?: readonly string[];
}

/** A broker's process. */
export class Broker {
  readonly url: string;
  readonly files: BrokerFiles;
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  readonly #exit: Promise<number | NodeJS.Signals | null>;
  readonly #output: { stdout: string; stderr: string };

  private constructor(
    url: string,
    files: BrokerFiles,
    process: ChildProcessByStdio<null, Readable, Readable>,
    exit: Promise<number | NodeJS.Signals | null>,
    output: { stdout: string; stderr: string },
  ) {
    this.url = url;
    this.files = files;
    this.#process = process;
    this.#exit = exit;
    this.#output = output;
  }

  /** Starts one, and returns when it says that it listens, at all of its addresses. */
  static async start(
    world: World,
    files: BrokerFiles,
    options: BrokerOptions = {},
  ): Promise<Broker> {
    const { listen = "127.0.0.1:0", env = {}, admin = false, within = [], args = [] } = options;
    const listeners = ["--listen", listen, ...(admin ? ["--admin-listen", "127.0.0.1:0"] : [])];
    const words = [...within, program, "serve", "--config", files.config, ...listeners, ...args];
    const child = spawn(words[0] ?? program, words.slice(1), {
      env: { ...brokerEnvironment(world), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    const exit = new Promise<number | NodeJS.Signals | null>((resolve) => {
      child.once("close", (code, signal) => resolve(code ?? signal));
    });
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        output.stdout += chunk;
        const said = linesOf(output.stdout);
        const found = said.find(({ msg }) => msg === "listening");
        const complete = !admin || said.some(({ msg }) => msg === "admin listening");
        if (found && complete) resolve(String(found.url));
      });
      child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output.stderr += chunk));
      child.once("error", reject);
      child.once("close", (code) =>
        reject(new Error(`the broker ended with ${code}:\n${output.stdout}${output.stderr}`)),
      );
    });
    return new Broker(url, files, child, exit, output);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get adminUrl(): string {
    return String(this.log.find(({ msg }) => msg === "admin listening")?.url);
  }

  /** What its admin listener shows of the past: metrics, and the page of decisions. */
  async shown(): Promise<string> {
    const pages = await Promise.all(["/metrics", "/"].map((page) => ask(this.adminUrl + page)));
    expect(pages.map(({ status }) => status)).toEqual([200, 200]);
    return pages.map(({ text }) => text).join("\n");
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get stdout(): string {
    return this.#output.stdout;
  }

  get stderr(): string {
    return this.#output.stderr;
  }

  get log(): LogLine[] {
    return linesOf(this.stdout);
  }

  get audit(): AuditRecord[] {
    return auditIn(this.files.audit);
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Nobody reads what it writes any more. */
  closeOutput(): void {
    this.#process.stdout.destroy();
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Resolves with the exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals | null> {
    return this.#exit;
  }

  async stop(): Promise<number | NodeJS.Signals | null> {
    this.kill("SIGTERM");
    return this.#exit;
  }
}

export function brokerEnvironment({ github, sts }: World): Record<string, string> {
  return {
    PATH: path,
    GITHUB_TOKEN: github.token,
    GITHUB_USER_SESSION: github.session.cookie,
    ACTIONS2AWS_SIGNING_KEY: signingKey,
    AWS_ENDPOINT_URL_STS: sts.url,
    AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
    AWS_SECRET_ACCESS_KEY: "canary/own/secret/of/the/broker/00000000",
    AWS_REGION: "eu-central-1",
  };
}

/** The records on disk; a half line, which a crash may leave, is none. */
export function auditIn(file: string): AuditRecord[] {
  return existsSync(file) ? (linesOf(readFileSync(file, "utf8")) as AuditRecord[]) : [];
}

function linesOf(text: string): LogLine[] {
  return text.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as LogLine];
    } catch {
      return [];
    }
  });
}
