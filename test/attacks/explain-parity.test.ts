import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { explain } from "../../src/cli/explain.ts";
import { record } from "../../src/cli/record.ts";
import { testHost } from "../cli/test-host.ts";
import { useBench } from "../harness/bench.ts";
import { role as goldenRole } from "../harness/config.ts";
import { actions2aws } from "../harness/program.ts";
import { fullName, currentAttempt } from "../world/github/model.ts";
import type { Job } from "../world/index.ts";
import { allGrants, allScenes } from "./scenes/all.ts";
import { attempt, type Scene } from "./scenes/scene.ts";

const bench = useBench({ grants: allGrants, attacks: true });
const folder = mkdtempSync(join(tmpdir(), "actions2aws-parity-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

/** How an operator asks about the run: what was recorded where, and who of it asks for what. */
interface Question {
  readonly config: string;
  readonly out: string;
  readonly repository: string;
  readonly run: string;
  readonly attempt?: string;
  readonly role: string;
  readonly job?: string;
  readonly jobId?: string;
  readonly step?: string;
}

function questionOf({ role = goldenRole, asks }: Scene, job: Job): Question {
  const { step, job: selector } = asks?.(job) ?? {};
  const { name } = (selector ?? {}) as { name?: string };
  const { run, attempt: own } = job;
  return {
    config: bench().files.config,
    out: join(folder, `run-${++count}`),
    repository: fullName(run.repository),
    run: String(run.id),
    ...(own.number < currentAttempt(run).number && { attempt: String(own.number) }),
    role,
    ...(name === undefined ? { jobId: String(job.id) } : { job: name }),
    ...(step !== undefined && { step }),
  };
}

const secrets = (): Record<string, string> => {
  const { token, session } = bench().world.github;
  return { GITHUB_TOKEN: token, GITHUB_USER_SESSION: session.cookie };
};

/** The two commands, without a process of their own each. */
async function inProcess(question: Question): Promise<[number | null, string]> {
  const host = testHost({}, { speed: 200 });
  const recorded = await record(question, host, secrets());
  expect([recorded, host.err]).toEqual([0, ""]);
  const explaining = testHost();
  const { config, out: recording, role, job, jobId, step } = question;
  const flags = { config, recording, role, job, jobId, step, json: true };
  return [await explain(flags as Parameters<typeof explain>[0], explaining), explaining.out];
}

/** The same by the executable. */
async function inProcesses(question: Question): Promise<[number | null, string]> {
  const { config, out, repository, run, attempt: number, role, job, jobId, step } = question;
  const options = (all: Record<string, string | undefined>): string[] =>
    Object.entries(all).flatMap(([name, value]) =>
      value === undefined ? [] : [`--${name}`, value],
    );
  const recorded = await actions2aws(
    ["record", ...options({ config, repository, run, out, attempt: number })],
    secrets(),
  );
  expect(recorded).toMatchObject({ exitCode: 0, stderr: "" });
  const flags = options({ config, recording: out, role, job, "job-id": jobId, step });
  const { exitCode, stdout } = await actions2aws(["explain", "--json", ...flags]);
  return [exitCode, stdout];
}

interface Told {
  readonly code: string;
  readonly fields: readonly string[];
  readonly grant: string | null;
  readonly identity: object | null;
  readonly assume_role: object | null;
}

/** What the broker decided, beside what the two commands tell of it. */
async function compare(
  scene: Scene,
  ask: (question: Question) => Promise<[number | null, string]>,
): Promise<[broker: object, commands: object]> {
  const job = scene.job(bench());
  const [, reply] = await attempt(bench(), scene, job);
  const { request_id: id, code = "ok", fields = [] } = reply.json as Record<string, unknown>;
  const mine = (): object[] => bench().records.filter((entry) => entry.request_id === id);
  await expect.poll(mine).toHaveLength(1);
  const [decision = {}] = mine() as Record<string, unknown>[];
  const [exitCode, text] = await ask(questionOf(scene, job));
  const told = JSON.parse(text) as Told;
  const { identity, session_name, tags } = decision;
  const plan = code === "ok" ? { session_name, tags } : {};
  return [
    { exitCode: code === "ok" ? 0 : 3, code, fields, plan, ...(identity ? { identity } : {}) },
    {
      exitCode,
      code: told.code,
      fields: told.fields,
      plan: told.assume_role,
      ...(identity ? { identity: told.identity } : {}),
    },
  ];
}

/** Sees that both tell the same of all these scenes, so many at a time. */
async function compareAll(
  scenes: readonly (readonly [title: string, scene: Scene])[],
  atATime: number,
  ask: typeof inProcesses,
): Promise<void> {
  for (let at = 0; at < scenes.length; at += atATime) {
    const some = scenes.slice(at, at + atATime).map(async ([title, scene]) => {
      const [broker, commands] = await compare(scene, ask);
      expect(commands, title).toMatchObject(broker);
    });
    await Promise.all(some);
  }
  // The recorder asks for an attempt as well, which the broker must not.
  bench().world.github.clearJournal();
}

describe("what record and explain tell of a run is what the broker decided on it (P-07):", () => {
  test.for(Object.entries(allScenes))(
    "all scenes of %s",
    { timeout: 60_000 },
    async ([, scenes]) => {
      const recorded = Object.entries(scenes).filter(
        ([, scene]) => scene.notRecorded === undefined,
      );
      expect(recorded.length).toBeGreaterThan(3);
      await compareAll(recorded, 6, inProcess);
    },
  );

  test("one scene of each theme, by the executable", async () => {
    const some = Object.values(allScenes).flatMap((scenes) => Object.entries(scenes).slice(0, 1));
    await compareAll(some, 2, inProcesses);
  }, 60_000);
});
