import { describe, expect, test } from "vitest";
import { selectJob } from "../../src/core/identity.ts";
import { addJob } from "../world/github/builders.ts";
import { code, goldenCase, told } from "./golden.ts";

const { state, run, jobs: jobsOf } = goldenCase();
for (const name of ["build", "build (x)", "twice", "twice"]) addJob(state, run, { name });
addJob(state, run, { name: "done", status: "completed", runnerName: "shared runner" });
addJob(state, run, { name: "now", runnerName: "shared runner" });
addJob(state, run, { name: "a", runnerName: "both" });
addJob(state, run, { name: "b", runnerName: "both" });
addJob(state, run, { name: "no runner", runnerName: null });
const jobs = jobsOf();

describe("the job that a caller points at", () => {
  test.each([
    ["its id", { id: 7_001 }, "deploy"],
    ["its id, whatever else is said", { id: 7_001, runner_name: "both", name: "twice" }, "deploy"],
    ["its runner", { runner_name: "GitHub Actions 12" }, "deploy"],
    [
      "its runner, though the name is another's",
      { runner_name: "GitHub Actions 12", name: "build" },
      "deploy",
    ],
    ["a runner that also did a job before", { runner_name: "shared runner" }, "now"],
    ["its name", { name: "deploy" }, "deploy"],
    ["G-24: its name, never a prefix of it", { name: "build" }, "build"],
    [
      "its name, when no job is on the runner",
      { runner_name: "unknown", name: "build (x)" },
      "build (x)",
    ],
  ])("by %s", (_, by, expected) => {
    expect(selectJob(jobs, by).name).toBe(expected);
    expect(selectJob(jobs.toReversed(), by).name).toBe(expected);
  });

  test.each([
    ["G-10: two jobs of that name", { name: "twice" }, "job_ambiguous"],
    ["two jobs on that runner", { runner_name: "both" }, "job_ambiguous"],
    [
      "two jobs on that runner, though the name would tell",
      { runner_name: "both", name: "a" },
      "job_ambiguous",
    ],
    ["no such id", { id: 1 }, "job_not_found"],
    ["no such id, though the name fits", { id: 1, name: "deploy" }, "job_not_found"],
    ["no such name", { name: "Deploy" }, "job_not_found"],
    ["G-16: a name with an invisible character", { name: "deploy\u200B" }, "job_not_found"],
    ["nothing", {}, "job_not_found"],
    ["a runner alone that no job has", { runner_name: "no runner" }, "job_not_found"],
  ] as const)("%s is refused", (_, by, expected) => {
    for (const list of [jobs, jobs.toReversed()]) {
      expect(() => selectJob(list, by)).toThrow(code(expected, { retryAfter: undefined, ...told }));
    }
  });
});

test("jobs of which no runner is told are on none", () => {
  const [job] = jobs;
  const other = { ...jobs[1], name: "other", runner_name: undefined } as (typeof jobs)[number];
  expect(selectJob(job ? [other, job] : [], { name: "deploy" })).toBe(job);
});

describe("G-23: the list of jobs lags behind the runner", () => {
  test("while a job has not begun, asking again may find it", () => {
    const golden = goldenCase();
    addJob(golden.state, golden.run, { name: "done", status: "completed" });
    Object.assign(golden.job, { status: "queued", runnerName: null });
    const asked = (): unknown => selectJob(golden.jobs(), { runner_name: "GitHub Actions 12" });
    expect(asked).toThrow(code("job_not_found", { retryAfter: 2 }));
    Object.assign(golden.job, { status: "in_progress", runnerName: "GitHub Actions 12" });
    expect(asked()).toMatchObject({ name: "deploy" });
  });

  test("an id that is not there will not come", () => {
    const golden = goldenCase();
    golden.job.status = "queued";
    expect(() => selectJob(golden.jobs(), { id: 1 })).toThrow(
      code("job_not_found", { retryAfter: undefined }),
    );
  });
});
