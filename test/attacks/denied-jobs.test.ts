import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { role, roleOf } from "../harness/config.ts";
import type { Job } from "../harness/job.ts";
import { forkOf, repositoryOf } from "../harness/scenes.ts";
import { jobGrants } from "./scenes/jobs.ts";
import { runOf } from "./scenes/scene.ts";

const bench = useBench({ grants: jobGrants, attacks: true });
const github = () => bench().world.github;

/** A job whose steps are real processes of the program. */
interface Denied {
  readonly job?: () => Job;
  readonly code: string;
  readonly fields?: readonly string[];
  readonly options?: string;
  readonly env?: Record<string, string>;
  readonly role?: string;
}

const denials: Record<string, Denied> = {
  "a fork's (G-01)": {
    job: () => bench().newJob({ run: { event: "pull_request", headRepository: forkOf(bench()) } }),
    code: "fork",
    fields: ["forks"],
  },
  "one of another branch and event (G-02, G-05)": {
    job: () => bench().newJob({ run: { event: "issue_comment" } }),
    code: "no_grant",
    fields: ["ref", "event"],
  },
  "one of a repository that no grant names (G-26)": {
    job: () => bench().newJob({ repository: repositoryOf(bench(), "other", 2_002) }),
    code: "no_grant",
    fields: ["repository"],
  },
  "one that asks for another role (A-01)": {
    role: roleOf("admin"),
    code: "role_not_granted",
    fields: ["role"],
  },
  "one that asks for longer than the grant has it": {
    options: "--duration 2h",
    code: "no_grant",
    fields: ["max_duration"],
  },
  "one that asks for another step's log (L-01)": {
    options: "--step lint",
    code: "no_grant",
    fields: ["step"],
  },
  "one of an attempt that is over (G-08)": {
    job: () => {
      const job = bench().newJob();
      github().rerun(job.job.run);
      return job;
    },
    code: "not_in_progress",
  },
  "one that only its name tells from another of that name (G-10)": {
    job: () => bench().jobOf(github().addJob(runOf(bench()).run)),
    env: { RUNNER_NAME: "" },
    code: "job_ambiguous",
  },
  "one whose runner has two jobs (G-10)": {
    job: () => {
      const { run, runnerName } = runOf(bench());
      return bench().jobOf(github().addJob(run, { runnerName }));
    },
    code: "job_ambiguous",
  },
  "a leg of a matrix that only knows its key (G-24)": {
    job: () => bench().newJob({ job: { name: "test (1)" } }),
    env: { RUNNER_NAME: "" },
    role: roleOf("one-leg"),
    code: "job_not_found",
  },
  "one of a run that GitHub does not know": {
    env: { GITHUB_RUN_ID: "424242" },
    code: "job_not_found",
  },
};

describe("a job that is denied ends its step, sets nothing, and says why in one line:", () => {
  test.for(Object.entries(denials))("%s", async ([, denial]) => {
    const { job = () => bench().newJob(), code, fields = [], options = "", env = {} } = denial;
    const asking = job();
    const request = bench().request(`--timeout 10s ${options}`, denial.role ?? role);
    const step = await asking.run("assume role", `eval $(${request})\necho went on`, { env });

    expect(step).toMatchObject({ exitCode: 1, stdout: "" });
    const [record, ...others] = bench().records;
    expect(others).toEqual([]);
    expect(record).toMatchObject({ decision: "denied", code, fields });
    expect(record).not.toHaveProperty("access_key_id");
    const why = [fields.join(", "), `request ${String(record?.request_id)}`].filter(Boolean);
    const told = `the broker says no: ${code} (${why.join("; ")})`;
    expect(step.stderr.split("\n").at(-2)).toContain(told);
    expect(bench().world.sts.journal).toEqual([]);
  });
});

describe("a job that looks like one to deny, and is right, is served:", () => {
  test("either of two jobs of one name, by its runner or by its id (G-10)", async () => {
    const job = bench().newJob();
    const twin = bench().jobOf(github().addJob(job.job.run));
    const byRunner = job.run("assume role", `eval $(${bench().request()})`);
    const byId = twin.run("assume role", `eval $(${bench().request(`--job-id ${twin.job.id}`)})`, {
      env: { RUNNER_NAME: "" },
    });
    const steps = await Promise.all([byRunner, byId]);
    expect(steps.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    const ids = bench().records.map(({ identity }) => (identity as { job_id: number }).job_id);
    expect(new Set(ids)).toEqual(new Set([job.job.id, twin.job.id]));
  });

  test("a leg of a matrix, by its runner (G-24)", async () => {
    const { run } = runOf(bench(), {}, { name: "test (1)" });
    const leg = bench().jobOf(github().addJob(run, { name: "test (2)" }));
    github().addJob(run, { name: "test (3)" });
    const step = await leg.run("assume role", `eval $(${bench().request("", roleOf("one-leg"))})`);
    expect(step).toMatchObject({ exitCode: 0 });
    expect(bench().records).toMatchObject([{ identity: { job: "test (2)", job_id: leg.job.id } }]);
  });

  test("the second attempt of a run, by its own number (G-08)", async () => {
    const { run } = runOf(bench());
    const [again] = github().rerun(run).jobs;
    const job = bench().jobOf(again ?? expect.unreachable());
    const step = await job.run("assume role", `eval $(${bench().request()})`);
    expect(step.exitCode).toBe(0);
    expect(bench().records).toMatchObject([{ identity: { run_attempt: 2 } }]);
  });
});
