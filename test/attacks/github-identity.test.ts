import { describe, expect, test } from "vitest";
import { sha } from "../world/index.ts";
import { useBench } from "../harness/bench.ts";
import { roleOf } from "../harness/config.ts";
import type { Job } from "../harness/job.ts";
import { calling, forkOf, repositoryOf, sceneGrants } from "../harness/scenes.ts";

const bench = useBench({ grants: sceneGrants, attacks: true });

interface Denial {
  /** The job that asks; GitHub is as it has to be when this returns. */
  readonly job: () => Job;
  readonly code: string;
  readonly fields?: readonly string[];
  readonly role?: string;
  readonly options?: string;
  readonly env?: Record<string, string>;
  /** The broker must not even have asked GitHub. */
  readonly silent?: boolean;
}

const github = () => bench().world.github;
const ofRun = (run: object) => () => bench().newJob({ run });
const noGrant = (...fields: string[]) => ({ code: "no_grant", fields });

const denials: Record<string, Denial> = {
  "a pull request from a fork (G-01)": {
    job: () => bench().newJob({ run: { event: "pull_request", headRepository: forkOf(bench()) } }),
    code: "fork",
    fields: ["forks"],
  },
  "a fork whose branch is called main, in a run that calls itself a push (G-02)": {
    job: () => bench().newJob({ run: { headRepository: forkOf(bench()) } }),
    code: "fork",
    fields: ["forks"],
  },
  "a run whose fork was deleted (G-01)": {
    job: ofRun({ event: "pull_request", headRepository: null }),
    code: "fork",
    fields: ["forks"],
  },
  "a pull request of the repository itself from a branch called main (G-02)": {
    job: ofRun({ event: "pull_request" }),
    ...noGrant("ref", "event"),
  },
  "a branch that the grant does not name": {
    job: () => {
      github().push(bench().repository, "feature", "feature work");
      return bench().newJob({ run: { headBranch: "feature" } });
    },
    ...noGrant("ref"),
  },
  "a branch whose name begins like the grant's (P-03)": {
    job: () => {
      github().push(bench().repository, "main-evil", "evil work");
      return bench().newJob({ run: { headBranch: "main-evil" } });
    },
    ...noGrant("ref"),
  },
  "a branch one level below a pattern (P-03)": {
    job: () => {
      github().push(bench().repository, "release/1/x", "deep work");
      return bench().newJob({ run: { headBranch: "release/1/x" } });
    },
    role: roleOf("patterned"),
    ...noGrant("ref"),
  },
  "a branch called refs/heads/main (G-04)": {
    job: ofRun({ headBranch: "refs/heads/main" }),
    ...noGrant("ref"),
  },
  "a tag of the branch's name, pushed at another commit (G-03)": {
    job: () => {
      github().push(bench().repository, "release", "release work");
      bench().repository.tags.set("release", sha("1001 first"));
      const run = { headBranch: "release", headSha: sha("1001 first"), ref: "refs/tags/release" };
      return bench().newJob({ run });
    },
    role: roleOf("release"),
    code: "ref_ambiguous",
    fields: ["ref"],
  },
  "a tag of the branch's name where there is no such branch (G-03)": {
    job: () => {
      bench().repository.branches.delete("release");
      bench().repository.tags.set("release", sha("1001 third"));
      const run = { headBranch: "release", headSha: sha("1001 third"), ref: "refs/tags/release" };
      return bench().newJob({ run });
    },
    role: roleOf("release"),
    ...noGrant("ref"),
  },
  "a commit that the branch does not have, as after a force push (G-22)": {
    job: ofRun({ headSha: sha("rewritten") }),
    ...noGrant("ref"),
  },
  "a branch of the merge queue (G-25)": {
    job: ofRun({ event: "merge_group", headBranch: "gh-readonly-queue/main/pr-7-abc" }),
    ...noGrant("ref", "event"),
  },
  "another workflow": {
    job: ofRun({ path: ".github/workflows/test.yml" }),
    ...noGrant("workflow"),
  },
  "a workflow of the same path in another repository (G-12)": {
    job: ofRun({ path: "evil/x/.github/workflows/deploy.yml@main" }),
    ...noGrant("workflow"),
  },
  "another job": {
    job: () => bench().newJob({ job: { name: "lint" } }),
    ...noGrant("job"),
  },
  "a step that the grant does not name (L-01)": {
    job: () => bench().newJob(),
    options: "--step lint",
    ...noGrant("step"),
  },
  "an actor whom the grant does not name, who ran another's run again (G-07)": {
    job: ofRun({ triggeringActor: { id: 666, login: "mallory", type: "User" } }),
    role: roleOf("by-octocat"),
    ...noGrant("actor"),
  },
  "a reusable workflow that no grant lists (G-11)": {
    job: ofRun({ referencedWorkflows: [calling("other/ci", "v1")] }),
    ...noGrant("reusable_workflow"),
  },
  "a listed reusable workflow at another ref (G-11)": {
    job: ofRun({ referencedWorkflows: [calling("acme/ci", "refs/heads/evil")] }),
    role: roleOf("with-ci"),
    ...noGrant("reusable_workflow"),
  },
  "a duration over the grant's": {
    job: () => bench().newJob(),
    options: "--duration 2h",
    ...noGrant("max_duration"),
  },
  "a repository that no grant names (G-26)": {
    job: () => bench().newJob({ repository: repositoryOf(bench(), "other", 2_002) }),
    ...noGrant("repository"),
    silent: true,
  },
  "a repository that has taken over the name of another (G-14)": {
    job: () => bench().newJob({ repository: repositoryOf(bench(), "moved", 2_003) }),
    role: roleOf("moved"),
    ...noGrant("repository_id"),
  },
  "a role that no grant gives (A-01)": {
    job: () => bench().newJob(),
    role: roleOf("admin"),
    code: "role_not_granted",
    fields: ["role"],
  },
  "a role of the same name in another account (A-01)": {
    job: () => bench().newJob(),
    role: "arn:aws:iam::999999999999:role/app-deploy",
    code: "role_not_granted",
    fields: ["role"],
  },
  "an older attempt of the run (G-08)": {
    job: () => {
      const job = bench().newJob();
      github().rerun(job.job.run);
      return job;
    },
    code: "not_in_progress",
  },
  "a job whose name another job has too, when that is all it says of itself (G-10)": {
    job: () => {
      const job = bench().newJob();
      github().addJob(job.job.run);
      return job;
    },
    env: { RUNNER_NAME: "" },
    code: "job_ambiguous",
  },
  "a runner on which two jobs are in progress (G-10)": {
    job: () => {
      const job = bench().newJob();
      github().addJob(job.job.run, { runnerName: job.job.runnerName });
      return job;
    },
    code: "job_ambiguous",
  },
  "a run that GitHub does not know": {
    job: () => bench().newJob(),
    env: { GITHUB_RUN_ID: "424242" },
    code: "job_not_found",
  },
  "a run that is over (G-08)": {
    job: () => {
      const job = bench().newJob();
      job.complete();
      return job;
    },
    code: "not_in_progress",
  },
  ...eventDenials(),
  ...endedDenials(),
};

/** G-05: events that outsiders can cause; the ref of most of them proves nothing, whatever it is called. */
function eventDenials(): Record<string, Denial> {
  const proveNoRef = ["pull_request_target", "issue_comment", "repository_dispatch", "dynamic"];
  return Object.fromEntries(
    [...proveNoRef, "workflow_run"].map((event) => [
      `a run of the event ${event} (G-05)`,
      {
        job: ofRun({ event }),
        ...(proveNoRef.includes(event) ? noGrant("ref", "event") : noGrant("event")),
      },
    ]),
  );
}

/** G-08: a job that has ended, in a run that goes on with another. */
function endedDenials(): Record<string, Denial> {
  const job = (conclusion: string) => (): Job => {
    const made = bench().newJob();
    github().addJob(made.job.run, { name: "other" });
    Object.assign(made.job, { status: "completed", conclusion });
    return made;
  };
  return Object.fromEntries(
    ["success", "failure", "cancelled"].map((conclusion) => [
      `a job that has ended with ${conclusion} (G-08)`,
      { job: job(conclusion), code: "not_in_progress" },
    ]),
  );
}

describe("these are denied, and the golden case goes on being served:", () => {
  test.for(Object.entries(denials))("%s", async ([, denial]) => {
    const { code, fields = [], options = "", env = {}, silent = false } = denial;
    const job = denial.job();
    const request = bench().request(`--timeout 5s ${options}`, denial.role);
    const step = await job.run("assume role", `eval $(${request})\necho went on`, { env });

    expect(step).toMatchObject({ exitCode: 1, stdout: "" });
    const [record, ...others] = bench().records;
    expect(others).toEqual([]);
    expect(record).toMatchObject({ decision: "denied", code, fields });
    expect(record).not.toHaveProperty("access_key_id");
    const why = [fields.join(", "), `request ${String(record?.request_id)}`].filter(Boolean);
    const told = `the broker says no: ${code} (${why.join("; ")})`;
    expect(step.stderr.split("\n").at(-2)).toContain(told);
    expect(bench().world.sts.journal).toEqual([]);
    if (silent) expect(github().journal).toEqual([]);

    await bench().expectGolden();
  });
});
