import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Environment, type Host, sleep } from "../../src/cli/host.ts";

export interface TestHost extends Host {
  readonly out: string;
  readonly err: string;
}

/** Surroundings that keep what is written; time runs `speed` times as fast as it does. */
export function testHost(env: Environment = {}, { speed = 1 }: { speed?: number } = {}): TestHost {
  let out = "";
  let err = "";
  return {
    env,
    stdout: { write: (text) => void (out += text) },
    stderr: { write: (text) => void (err += text) },
    signals: process,
    now: () => Date.now(),
    elapsed: () => performance.now() * speed,
    sleep: (ms, signal) => sleep(ms / speed, signal),
    random: () => Math.random(),
    get out() {
      return out;
    },
    get err() {
      return err;
    },
  };
}

/** A fresh folder of mode 0700, gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The variables of a step, as the runner sets them. */
export function jobEnvironment(folder: string): Record<string, string> {
  return {
    GITHUB_ACTIONS: "true",
    GITHUB_REPOSITORY: "acme/shop",
    GITHUB_RUN_ID: "7654321",
    GITHUB_RUN_ATTEMPT: "2",
    GITHUB_JOB: "deploy",
    GITHUB_REF: "refs/heads/main",
    RUNNER_NAME: "GitHub Actions 12",
    RUNNER_TEMP: folder,
  };
}
