import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "./stage.ts";

/** As much of GitHub's objects as the demo speaks of. */
interface Run {
  id: number;
  run_attempt: number;
  event: string;
  head_branch: string;
  path: string;
  head_commit: { message: string; author: { name: string } };
  repository: Repository;
  head_repository: Repository;
}

interface Repository {
  id: number;
  full_name: string;
}

export interface Job {
  id: number;
  name: string;
  status: string;
  runner_name: string;
  steps: { name: string; number: number; status: string }[];
}

/** A copy of a recording, into whose logs the demo's jobs can write. */
export class RecordedRun {
  readonly folder: string;

  constructor(recording: string, folder: string) {
    cpSync(recording, folder, { recursive: true });
    this.folder = folder;
  }

  get run(): Run {
    return this.#read("run.json") as Run;
  }

  get jobs(): Job[] {
    return (this.#read("jobs.json") as { jobs: Job[] }).jobs;
  }

  /** The job in progress whose name begins so. */
  jobInProgress(name: string): Job {
    const job = this.jobs.find((it) => it.name.startsWith(name) && it.status === "in_progress");
    expect(job !== undefined, `the recording has a job ${name} in progress`);
    return job;
  }

  /** Where the job's step in progress has its live log. */
  liveLog(job: Job): string {
    return join(this.folder, "steps", String(job.id), `${stepInProgress(job).number}.live`);
  }

  liveItems(job: Job): string[] {
    const lines = readFileSync(this.liveLog(job), "utf8").trimEnd().split("\n");
    return lines.map((line) => (JSON.parse(line) as { line: string }).line);
  }

  /** From now on GitHub says that the same run comes from a pull request of a fork. */
  becomeForkOf(fork: Repository): void {
    const { run } = this;
    const changed = {
      ...run,
      event: "pull_request",
      head_repository: { ...run.head_repository, ...fork },
    };
    writeFileSync(join(this.folder, "run.json"), JSON.stringify(changed));
  }

  #read(name: string): unknown {
    return JSON.parse(readFileSync(join(this.folder, name), "utf8"));
  }
}

export function stepInProgress(job: Job): Job["steps"][number] {
  const step = job.steps.find(({ status }) => status === "in_progress");
  expect(step !== undefined, `the job ${job.name} has a step in progress`);
  return step;
}
