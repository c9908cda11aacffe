import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import type { Body } from "../harness/client.ts";
import { grantLike, roleOf } from "../harness/config.ts";
import { type Job, type Run, sha } from "../world/index.ts";
import { runOf } from "./scenes/scene.ts";

const bench = useBench({
  grants: [grantLike("topic", { ref: "refs/heads/topic-*" })],
  attacks: true,
});
const github = () => bench().world.github;

const statuses = ["queued", "in_progress", "completed", "waiting", "requested", "pending", "other"];
const conclusions = [
  null,
  "success",
  "failure",
  "neutral",
  "cancelled",
  "skipped",
  "timed_out",
  "action_required",
  "startup_failure",
  "stale",
  "other",
];
const states = statuses.flatMap((status) =>
  conclusions.map((conclusion) => ({ status, conclusion })),
);
type State = (typeof states)[number];

/** GitHub may say what its description does not have. */
const put = (thing: Job | Run["attempts"][number], state: State): object =>
  Object.assign(thing, state);

/** What jobs in all of these states are told: some side by side, for what comes to nothing is limited. */
async function codesOf(wanted: readonly State[], of: "job" | "run"): Promise<unknown[]> {
  github().budget.limit = 50_000_000;
  const codes: unknown[] = [];
  for (let at = 0; at < wanted.length; at += 16) {
    const replies = wanted.slice(at, at + 16).map(async (state) => {
      const job = runOf(bench());
      const client = await bench().client(job);
      put(of === "job" ? job : job.attempt, state);
      return client.attempt();
    });
    codes.push(...(await Promise.all(replies)).map(({ json }) => (json as Body).code ?? "served"));
  }
  return codes;
}

describe("a job has a role while it is in progress, and at no other time:", () => {
  test("whatever else a job's status and conclusion say denies it (G-08)", async () => {
    const others = states.filter(
      ({ status, conclusion }) => status !== "in_progress" || conclusion !== null,
    );
    expect(new Set(await codesOf(others, "job"))).toEqual(new Set(["not_in_progress"]));
    expect(bench().records).toHaveLength(others.length);
    expect(bench().world.sts.journal).toEqual([]);
  });

  /** A run with a job that waits for its approval waits itself, though others of its jobs work. */
  const open = ["queued", "in_progress", "waiting", "requested", "pending"];

  test("a run that has ended, or has a conclusion already, denies its jobs (G-08)", async () => {
    const over = states.filter(
      ({ status, conclusion }) => !open.includes(status) || conclusion !== null,
    );
    expect(new Set(await codesOf(over, "run"))).toEqual(new Set(["not_in_progress"]));
    expect(bench().world.sts.journal).toEqual([]);
  });

  test("a run of which a job still waits does not deny the one in progress (G-08)", async () => {
    const going = open.map((status) => ({ status, conclusion: null }));
    expect(await codesOf(going, "run")).toEqual(open.map(() => "served"));
  });

  test("an attempt that has not begun, or never will, is not found (G-08)", async () => {
    const client = await bench().client();
    const challenge = await client.challenge({ run_attempt: 2 });
    client.announce(challenge);
    await bench().expectDenied(await client.ask(challenge, { run_attempt: 2 }), "job_not_found");
  });
});

describe("what changes while a job waits for its announcement to show counts:", () => {
  const ends: Record<string, [end: (job: Job) => void, code: string]> = {
    "the job is cancelled": [
      (job) => put(job, { status: "completed", conclusion: "cancelled" }),
      "not_in_progress",
    ],
    "the run is cancelled": [
      ({ attempt }) => put(attempt, { status: "completed", conclusion: "cancelled" }),
      "not_in_progress",
    ],
    "the run is started again": [
      ({ run, attempt }) => void run.attempts.push({ ...attempt, number: 2, jobs: [] }),
      "not_in_progress",
    ],
    "its branch is deleted": [
      ({ run }) => run.repository.branches.delete(String(run.headBranch)),
      "no_grant",
    ],
    "its branch is put back": [
      ({ run }) => run.repository.branches.set(String(run.headBranch), sha("1001 first")),
      "no_grant",
    ],
  };

  test(`${Object.keys(ends).join(", ")}: each of these denies it (G-08, G-22)`, async () => {
    const waiting = Object.values(ends).map(async ([end, code], index) => {
      const headBranch = `topic-${index}`;
      github().push(bench().repository, headBranch, `work on ${headBranch}`);
      const job = runOf(bench(), { headBranch });
      const client = await bench().client(job);
      const asked = client.ask(await client.challenge(), { role: roleOf("topic") });
      const looks = (): unknown[] =>
        github().web.journal.filter(({ path }) => path.includes(`/runs/${job.run.id}/jobs/`));
      await expect.poll(() => looks().length, { timeout: 5_000 }).toBeGreaterThan(1);
      end(job);
      return [code, await asked] as const;
    });
    for (const [code, reply] of await Promise.all(waiting)) await bench().expectDenied(reply, code);
  });
});
