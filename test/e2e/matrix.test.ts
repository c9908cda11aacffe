import { expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { Client } from "../harness/client.ts";

const bench = useBench();

test("a matrix of 100 jobs at once, five of them real processes: each gets its own, for little of GitHub's budget", async () => {
  const { world, broker, repository } = bench();
  const { github, sts } = world;
  // The feed of a real runner shows lines with some delay, so that requests wait side by side.
  github.drainDelay = 300;
  const { run, jobs } = github.matrix({ jobs: 100, repository });
  const [processes, others] = [jobs.slice(0, 5), jobs.slice(5)];

  const started = performance.now();
  const [steps, given] = await Promise.all([
    Promise.all(
      processes.map(async (it) => {
        // The matrix has its pinned steps in progress already; these begin theirs themselves.
        it.steps.pop();
        const job = bench().jobOf(it);
        const step = await job.run(
          "assume role",
          `eval $(${bench().request()})\nenv > "$RUNNER_TEMP/seen"`,
        );
        return {
          id: it.id,
          exitCode: step.exitCode,
          accessKeyId: job.seen("seen").AWS_ACCESS_KEY_ID,
        };
      }),
    ),
    Promise.all(
      others.map(async (it) => {
        const client = await Client.of(world, broker.url, it);
        const { AccessKeyId } = await client.obtain();
        return { id: it.id, exitCode: 0, accessKeyId: AccessKeyId };
      }),
    ),
  ]);
  const took = performance.now() - started;
  const all = [...steps, ...given];

  expect(all.filter(({ exitCode }) => exitCode !== 0)).toEqual([]);
  expect(sts.assumed).toHaveLength(100);
  // Who got which credentials, as the jobs, STS and the audit tell it: all three the same.
  const got = new Map(all.map((it) => [`a2a-1001-${run.id}-1-${it.id}`, it.accessKeyId]));
  const gave = new Map(
    sts.journal.map(({ note }) => [note?.parameters?.roleSessionName, note?.issued?.accessKeyId]),
  );
  const recorded = new Map(
    bench().records.map(({ session_name: session, access_key_id: id }) => [session, id]),
  );
  expect(new Set(got.values()).size).toBe(100);
  expect(gave).toEqual(got);
  expect(recorded).toEqual(got);
  expect(bench().records).toHaveLength(100);
  for (const { note } of sts.journal) {
    const { roleSessionName = "", tags } = note?.parameters ?? {};
    const id = Number(roleSessionName.split("-").at(-1));
    const name = jobs.find((it) => it.id === id)?.name ?? "";
    expect(tags).toMatchObject({
      "github:jobId": String(id),
      "github:runId": String(run.id),
      "github:job": name.replace("(", "=28").replace(")", "=29"),
    });
  }
  expect(github.restCost() / 100).toBeLessThan(0.5);
  expect(took).toBeLessThan(20_000);
});
