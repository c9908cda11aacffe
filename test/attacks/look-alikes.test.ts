import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { role, roleOf } from "../harness/config.ts";
import { calling, sceneGrants } from "../harness/scenes.ts";

const bench = useBench({ grants: sceneGrants, attacks: true });
const github = () => bench().world.github;

describe("what looks like a case to deny, and is right, is served:", () => {
  test.for<[string, () => object, string]>([
    ["a run by hand", () => ({ event: "workflow_dispatch" }), role],
    ["the actor whom the grant names", () => ({}), roleOf("by-octocat")],
    [
      "the reusable workflow that the grant lists",
      () => ({ referencedWorkflows: [calling("acme/ci", "refs/heads/main")] }),
      roleOf("with-ci"),
    ],
    [
      "a workflow path with the run's own ref behind it",
      () => ({ path: ".github/workflows/deploy.yml@refs/heads/main" }),
      role,
    ],
    [
      "a branch that fits the pattern",
      () => {
        github().push(bench().repository, "release/2", "fine work");
        return { headBranch: "release/2" };
      },
      roleOf("patterned"),
    ],
    [
      "a commit that the branch has left behind",
      () => {
        const headSha = bench().repository.branches.get("main");
        github().push(bench().repository, "main", "newer", "newest");
        return { headSha };
      },
      role,
    ],
  ])("%s", async ([, run, asked]) => {
    const job = bench().newJob({ run: run() });
    const step = await job.run("assume role", `eval $(${bench().request("", asked)})`);
    expect(step).toMatchObject({ exitCode: 0 });
    expect(bench().world.sts.assumed).toMatchObject([{ roleArn: asked }]);
  });

  test("the second attempt of a run, by its own number (G-08)", async () => {
    const { job: old } = bench().newJob();
    const [again] = github().rerun(old.run).jobs;
    if (again === undefined) throw new Error("no job in the second attempt");
    const job = bench().jobOf(again);
    const step = await job.run("assume role", `eval $(${bench().request()})`);
    expect(step.exitCode).toBe(0);
    expect(bench().records).toMatchObject([{ identity: { run_attempt: 2, job_id: again.id } }]);
  });

  test("one of two jobs with one name, by its runner or its id (G-10)", async () => {
    const job = bench().newJob();
    const twin = bench().jobOf(github().addJob(job.job.run));
    expect(await job.run("assume role", `eval $(${bench().request()})`)).toMatchObject({
      exitCode: 0,
    });
    const byId = `eval $(${bench().request(`--job-id ${twin.job.id}`)})`;
    const env = { RUNNER_NAME: "" };
    expect(await twin.run("assume role", byId, { env })).toMatchObject({ exitCode: 0 });
    expect(bench().records).toMatchObject([
      { identity: { job_id: job.job.id } },
      { identity: { job_id: twin.job.id } },
    ]);
  });
});
