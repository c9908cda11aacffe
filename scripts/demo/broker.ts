import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect } from "./stage.ts";
import { start } from "./program.ts";

/** One line of the broker's log. */
type Entry = Record<string, unknown>;

/** A decision's record. The example configuration sends them to stdout, among the log. */
export interface AuditRecord {
  request_id: string;
  decision: string;
  code: string;
  fields?: string[];
  grant?: string;
  identity?: Identity;
  session_name?: string;
  tags?: Record<string, string>;
  role?: string;
  duration_seconds?: number;
  access_key_id?: string;
  expiration?: string;
}

/** What GitHub said of the job. */
interface Identity {
  repository: string;
  repository_id: number;
  run_id: number;
  job: string;
  job_id: number;
  workflow: string;
  called_workflows: string[];
  ref: string;
  sha: string;
  event: string;
  triggering_actor: string;
}

/** The broker in a process of its own. */
export class DemoBroker {
  readonly url: string;
  readonly log: readonly Entry[];
  readonly #child: ReturnType<typeof start>;

  private constructor(child: ReturnType<typeof start>, log: readonly Entry[], url: string) {
    this.#child = child;
    this.log = log;
    this.url = url;
  }

  static async start(args: readonly string[]): Promise<DemoBroker> {
    const child = start(args, {});
    const log: Entry[] = [];
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
    const url = await new Promise<string | null>((resolve) => {
      createInterface(child.stdout).on("line", (line) => {
        const entry = entryFrom(line);
        log.push(entry);
        if (entry.msg === "listening") resolve(String(entry.url));
      });
      child.once("close", () => resolve(null));
    });
    expect(url !== null, `the broker starts: ${errors.trim() || "it ended without a word"}`);
    return new DemoBroker(child, log, url);
  }

  get decisions(): AuditRecord[] {
    return this.log.filter(({ msg }) => msg === "audit") as unknown as AuditRecord[];
  }

  /** Records are written before their answers leave, but the pipe to here may be a moment later. */
  async nextDecision(after: number): Promise<AuditRecord> {
    for (let tries = 0; this.decisions.length <= after && tries < 200; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    const record = this.decisions[after];
    expect(record !== undefined, "the broker records its decision");
    return record;
  }

  /** @returns the exit code after SIGTERM. */
  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    const [exitCode] = (await once(this.#child, "close")) as [number | null];
    return exitCode;
  }
}

function entryFrom(line: string): Entry {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return { msg: "not JSON", line };
  }
}
