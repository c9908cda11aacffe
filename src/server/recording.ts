import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { Refusal } from "../core/errors.ts";
import { type Comparison, parseJobsPage, parseRun, unusable } from "../core/github-answers.ts";
import { type LogItem, logItems, type StepLog } from "../core/proof.ts";
import type { RefFacts } from "../core/ref.ts";
import type {
  GitHubFacts,
  JobAddress,
  JobLog,
  OpenRuns,
  RunAddress,
  Seen,
} from "./github/ports.ts";
import { windowOf } from "./github/step-window.ts";

const recordedSteps = z.object({
  id: z.int(),
  steps: z.array(
    z.object({
      name: z.string(),
      number: z.int(),
      status: z.string(),
      conclusion: z.string().nullish(),
      started_at: z.string().nullish(),
      completed_at: z.string().nullish(),
    }),
  ),
});
const recordedRefs = z.object({
  name: z.string(),
  branch: z.string().nullable(),
  tag: z.string().nullable(),
  comparison: z.enum(["identical", "ahead", "behind", "diverged"]).nullable(),
});

/** What GitHub said of the run's branch or tag: `refs.json`, which a recording may lack. */
export type RecordedRefs = z.output<typeof recordedRefs>;

const liveItem = z.object({ line: z.string() });

/**
 * A recorded run in place of GitHub: `run.json` and `jobs.json` as the REST API gives them, and
 * `steps/<job id>/<number>.log` or `.live`. Read anew each time, since a job may be writing to it.
 */
export class Recording implements GitHubFacts, JobLog {
  readonly #folder: string;
  readonly #now: () => number;

  constructor(folder: string, now: () => number) {
    this.#folder = folder;
    this.#now = now;
  }

  /** @throws {Refusal} github_unavailable, when the folder holds no recording */
  async check(): Promise<{ repository: string; runId: number; attempt: number }> {
    const run = parseRun(await this.#json("run.json"));
    parseJobsPage(await this.#json("jobs.json"));
    return { repository: run.repository.full_name, runId: run.id, attempt: run.run_attempt };
  }

  async run({ runId }: RunAddress): Promise<Seen<unknown>> {
    const at = this.#now();
    const value = await this.#json("run.json");
    if (parseRun(value).id !== runId)
      throw new Refusal("job_not_found", { detail: "The recording is of another run." });
    return { at, value };
  }

  async openRuns(): Promise<OpenRuns> {
    const { id, run_attempt } = parseRun(await this.#json("run.json"));
    return new Map([[id, run_attempt]]);
  }

  async jobs(): Promise<Seen<readonly unknown[]>> {
    const at = this.#now();
    return { at, value: parseJobsPage(await this.#json("jobs.json")).jobs };
  }

  /** Without recorded refs the run's branch is taken to stand where the run was. */
  async refs(_repository: string, shortName: string): Promise<Seen<RefFacts>> {
    const at = this.#now();
    const recorded = await this.#refs();
    if (recorded) {
      const { name, branch, tag } = recorded;
      return { at, value: name === shortName ? { branch, tag } : { branch: null, tag: null } };
    }
    const run = parseRun(await this.#json("run.json"));
    const branch = run.head_branch === shortName ? run.head_sha : null;
    return { at, value: { branch, tag: null } };
  }

  /** The one comparison that a decision asks for: the branch's tip with the run's commit. */
  async compare(): Promise<Comparison | null> {
    return (await this.#refs())?.comparison ?? null;
  }

  prepare(): void {
    // Files need no looking ahead.
  }

  async read({ jobId }: JobAddress, stepNames: readonly string[]): Promise<readonly StepLog[]> {
    const jobs = parseJobsPage(await this.#json("jobs.json")).jobs;
    const job = jobs
      .map((entry) => recordedSteps.safeParse(entry).data)
      .find((entry) => entry?.id === jobId);
    const pinned = (job?.steps ?? []).filter(({ name }) => stepNames.includes(name));
    return Promise.all(pinned.map((step) => this.#stepLog(jobId, step)));
  }

  async #stepLog(
    jobId: number,
    step: z.output<typeof recordedSteps>["steps"][number],
  ): Promise<StepLog> {
    const base = { name: step.name, window: windowOf(step) };
    if (step.status === "in_progress") {
      const text = await this.#text(join("steps", String(jobId), `${step.number}.live`));
      return { ...base, state: "in_progress", items: liveItems(text ?? "") };
    }
    if (step.status !== "completed") return { ...base, state: "waiting", items: null };
    if (step.conclusion !== "success") return { ...base, state: "failed", items: null };
    const text = await this.#text(join("steps", String(jobId), `${step.number}.log`));
    return { ...base, state: "succeeded", items: text === null ? null : [...logItems(text)] };
  }

  async #refs(): Promise<RecordedRefs | null> {
    if ((await this.#text("refs.json")) === null) return null;
    const result = recordedRefs.safeParse(await this.#json("refs.json"));
    if (!result.success) throw unusable("the recording's refs.json is not one");
    return result.data;
  }

  async #json(name: string): Promise<unknown> {
    const text = await this.#text(name);
    if (text === null) throw unusable(`the recording has no ${name}`);
    try {
      return JSON.parse(text);
    } catch {
      throw unusable(`the recording's ${name} is not JSON`);
    }
  }

  async #text(name: string): Promise<string | null> {
    const path = join(this.#folder, name);
    const size = (await stat(path).catch(() => null))?.size;
    if (size === undefined) return null;
    if (size > 32 * 2 ** 20) throw unusable(`the recording's ${name} is too large`);
    return readFile(path, "utf8");
  }
}

/** One JSON line an item; a last line that is still being written is left for the next time. */
function liveItems(text: string): LogItem[] {
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      try {
        return { text: liveItem.parse(JSON.parse(line)).line };
      } catch {
        throw unusable("a line of the recorded live log is not an item");
      }
    });
}
