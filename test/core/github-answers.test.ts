import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  parseAnnotatedTag,
  parseComparison,
  parseGitRef,
  parseGitRefs,
  parseJob,
  parseJobsPage,
  parseRun,
  parseRunsPage,
} from "../../src/core/github-answers.ts";
import { code, goldenCase, told } from "./golden.ts";

const golden = goldenCase();
const run = golden.runJson();
const [job] = golden.jobsJson();
const needed = {
  run: ["id", "run_attempt", "event", "status", "conclusion", "path", "head_sha", "repository"],
  job: ["id", "run_id", "head_sha", "name", "status", "conclusion"],
};
const unusable = code("github_unavailable", { note: expect.stringContaining("lacks or changes") });

/** Values of a type that the field never has. */
function wrong(value: unknown): unknown[] {
  return [undefined, [], {}, true, typeof value === "number" ? "7" : 7];
}

test("a list of runs has their ids and attempts, and nothing else of it counts", () => {
  const list = { total_count: 7, workflow_runs: [run, { id: 7, run_attempt: 2 }] };
  expect([...parseRunsPage(list)]).toEqual([
    [5_001, 1],
    [7, 2],
  ]);
  expect(parseRunsPage({ workflow_runs: [] }).size).toBe(0);
  const runs = code("github_unavailable", {
    note: expect.stringMatching(/^GitHub's runs lacks or changes workflow_runs/),
  });
  const entries = [7, { id: "7", run_attempt: 1 }, { id: 0, run_attempt: 1 }, { id: 7 }, {}];
  for (const bad of [undefined, null, {}, ...entries.map((entry) => [entry])])
    expect(() => parseRunsPage({ workflow_runs: bad })).toThrow(runs);
});

describe("H-02: a field that a check needs is there and of its type, or the answer can't be used", () => {
  test("the golden answers can be used", () => {
    expect(parseRun(run)).toMatchObject({ id: 5_001, repository: { id: 1_001 } });
    expect(parseJob(job)).toMatchObject({ id: 7_001, run_id: 5_001 });
  });

  test.each(needed.run)("run.%s", (field) => {
    for (const value of wrong(run[field])) {
      expect(() => parseRun({ ...run, [field]: value })).toThrow(unusable);
    }
  });

  test.each(needed.job)("job.%s", (field) => {
    for (const value of wrong(job?.[field])) {
      expect(() => parseJob({ ...job, [field]: value })).toThrow(unusable);
    }
  });

  test.each([
    ["head_repository", {}],
    ["head_repository", { id: "1001", full_name: "acme/app" }],
    ["head_repository", { id: 0, full_name: "acme/app" }],
    ["repository", { id: 0, full_name: "acme/app" }],
    ["repository", { id: 1_001 }],
    ["repository", null],
    ["triggering_actor", { login: 7 }],
    ["actor", "octocat"],
    ["referenced_workflows", [{ path: "x" }]],
    ["referenced_workflows", {}],
    ["head_branch", 7],
    ["head_sha", "main"],
    ["head_sha", "A".repeat(40)],
    ["head_sha", "a".repeat(39)],
    ["head_sha", "a".repeat(41)],
    ["head_sha", "a".repeat(63)],
    ["head_sha", "a".repeat(65)],
    ["head_sha", `${"a".repeat(40)}${"x".repeat(24)}`],
    ["head_sha", `x${"a".repeat(40)}`],
    ["head_sha", `${"a".repeat(40)}\n`],
    ["id", 2 ** 53],
    ["id", 5_001.5],
    ["id", -1],
    ["run_attempt", 0],
  ])("H-04: run.%s as %j", (field, value) => {
    expect(() => parseRun({ ...run, [field]: value })).toThrow(unusable);
  });

  test.each([
    "head_repository",
    "actor",
    "triggering_actor",
    "head_branch",
    "referenced_workflows",
  ])("run.%s may be null or absent, as GitHub's own may", (field) => {
    expect(() => parseRun({ ...run, [field]: null })).not.toThrow();
    expect(() => parseRun({ ...run, [field]: undefined })).not.toThrow();
  });

  test.each([
    [parseRun, "run", "id"],
    [parseJob, "job", "id"],
    [parseJobsPage, "jobs", "total_count"],
    [parseGitRef, "ref", "ref"],
    [(json: unknown) => parseGitRefs([json]), "refs", "0.ref"],
    [parseAnnotatedTag, "tag", "object"],
    [parseComparison, "comparison", "status"],
  ])(
    "%# the broker's log names the answer and the field, the caller hears neither",
    (parse, answer, field) => {
      const note = `GitHub's ${answer} lacks or changes ${field}`;
      expect(() => parse({})).toThrow(code("github_unavailable", { note, ...told, retryAfter: 5 }));
    },
  );

  test("a commit's name has 40 digits, or 64", () => {
    for (const sha of ["a".repeat(40), "0123456789abcdef".repeat(4)]) {
      expect(parseRun({ ...run, head_sha: sha }).head_sha).toBe(sha);
      const object = { sha, type: "commit" };
      expect(parseAnnotatedTag({ object, tag: "v1" })).toEqual(object);
      expect(parseGitRefs([{ ref: "refs/heads/main", object }])).toHaveLength(1);
    }
  });

  test("no other JSON passes for an answer, and the refusal quotes nothing of it", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const parse of [parseRun, parseJob, parseJobsPage, parseGitRef, parseComparison]) {
          expect(() => parse(value)).toThrow(unusable);
        }
      }),
    );
    expect(() => parseRun({ ...run, id: "canary" })).toThrow(
      code("github_unavailable", { note: "GitHub's run lacks or changes id" }),
    );
  });
});
