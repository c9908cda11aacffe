import { describe, expect, test } from "vitest";
import type { Run } from "../world/github/model.ts";
import { code, goldenCase, told } from "./golden.ts";

const fork = { id: 999, name: "app" };

test("the golden run and job make the golden identity", () => {
  const golden = goldenCase();
  expect(golden.identify()).toEqual({
    repository: { id: 1_001, name: "acme/app" },
    fork: false,
    run: { id: 5_001, attempt: 1, number: 1 },
    job: { id: 7_001, name: "deploy" },
    event: "push",
    workflow: ".github/workflows/deploy.yml",
    calledWorkflows: [],
    headBranch: "main",
    headSha: golden.run.headSha,
    actor: "octocat",
    triggeringActor: "octocat",
    environment: null,
  });
});

describe("whether a run is of a fork is told by ids", () => {
  test.each<[string, boolean, (golden: ReturnType<typeof goldenCase>) => void]>([
    ["the same repository", false, () => undefined],
    [
      "G-01: another id",
      true,
      ({ run, repository }) => (run.headRepository = { ...repository, ...fork }),
    ],
    [
      "G-01: another id under the same name",
      true,
      ({ run, repository }) => (run.headRepository = { ...repository, id: 999 }),
    ],
    ["G-01: a deleted head repository", true, ({ run }) => (run.headRepository = null)],
    [
      "the same id under another name",
      false,
      ({ run, repository }) => (run.headRepository = { ...repository, name: "renamed" }),
    ],
  ])("%s: %j", (_, expected, change) => {
    const golden = goldenCase();
    change(golden);
    expect(golden.identify().fork).toBe(expected);
  });

  test("a head repository that is left out is a fork as well", () => {
    const { head_repository: _, ...run } = goldenCase().runJson();
    expect(goldenCase().identify({}, () => run).fork).toBe(true);
  });
});

describe("G-08, G-09: only a job in progress of the current attempt has an identity", () => {
  test.each([
    ["queued", null, 2],
    ["waiting", null, 2],
    ["requested", null, 2],
    ["pending", null, 2],
    ["completed", "success", undefined],
    ["completed", "failure", undefined],
    ["completed", "cancelled", undefined],
    ["completed", "skipped", undefined],
    ["in_progress", "cancelled", undefined],
  ] as const)(
    "a job that is %s, %s is not in progress; ask again after %s s",
    (status, conclusion, retryAfter) => {
      const golden = goldenCase();
      Object.assign(golden.job, { status, conclusion });
      expect(() => golden.identify()).toThrow(code("not_in_progress", { retryAfter, ...told }));
    },
  );

  test.each([
    ["completed", "success", false],
    ["completed", "cancelled", false],
    // a cancelled run whose job still runs its always() steps.
    ["in_progress", "cancelled", false],
    [null, null, false],
    ["unheard_of", null, false],
    ["in_progress", null, true],
    // Another job of the run waits for approval, or is queued.
    ["waiting", null, true],
    ["queued", null, true],
  ])("a run that is %s, %s: allowed %j", (status, conclusion, allowed) => {
    const { identify } = goldenCase();
    const identified = (): unknown => identify({}, (run) => ({ ...run, status, conclusion }));
    let refusal: unknown = "none";
    try {
      identified();
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toEqual(allowed ? "none" : code("not_in_progress", told));
  });

  test("an older attempt, and one that is not there yet, are not in progress", () => {
    const golden = goldenCase();
    expect(() => golden.identify({ run_attempt: 2 })).toThrow(code("not_in_progress", told));
    const later = { ...golden.runJson(), run_attempt: 2 };
    expect(() => golden.identify({}, () => later)).toThrow(code("not_in_progress", told));
    // The list mixes attempts: the run is in its second, the job is of its first.
    expect(() => golden.identify({ run_attempt: 2 }, () => later)).toThrow(
      code("not_in_progress", told),
    );
  });
});

describe("H-11: answers that contradict each other make no identity", () => {
  const other = "0123456789012345678901234567890123456789";

  test.each([
    ["another run", { id: 5_002 }, /another run$/],
    ["another commit than the job", { head_sha: other }, /different commits/],
  ])("%s", (_, change, note) => {
    const { identify } = goldenCase();
    expect(() => identify({}, (run) => ({ ...run, ...change }))).toThrow(
      code("github_unavailable", { note: expect.stringMatching(note) }),
    );
  });

  test("another run with its own job", () => {
    expect(() => goldenCase().identify({ run_id: 5_002 })).toThrow(code("github_unavailable"));
  });

  test("G-14: a repository of another name has no grant any more", () => {
    const renamed = { repository: { id: 1_001, full_name: "acme/new" } };
    expect(() => goldenCase().identify({}, (run) => ({ ...run, ...renamed }))).toThrow(
      code("no_grant", { fields: ["repository"], note: expect.stringContaining("another name") }),
    );
  });

  test("G-08: a job spliced in from another run", () => {
    const golden = goldenCase();
    golden.job.run = { ...golden.run, id: 5_002 };
    expect(() => golden.identify()).toThrow(
      code("github_unavailable", { note: expect.stringContaining("another run's job") }),
    );
  });

  test("G-15: the caller's spelling selects, GitHub's counts", () => {
    const golden = goldenCase();
    expect(golden.identify({ repository: "ACME/App" }).repository.name).toBe("acme/app");
    expect(() => golden.identify({ repository: "acme/\u212App" })).toThrow(code("no_grant"));
  });
});

describe("G-12: the workflow is a file of this repository, at this run's ref", () => {
  const file = ".github/workflows/deploy.yml";

  test.each<[string, Partial<Run>, string | null]>([
    [file, {}, file],
    [`${file}@main`, {}, file],
    [`${file}@refs/heads/main`, {}, file],
    [`${file}@refs/tags/v1`, { headBranch: "v1" }, file],
    [`acme/app/${file}@main`, {}, file],
    [`Acme/App/${file}@main`, {}, file],
    [`${file}@refs/pull/7/merge`, { event: "pull_request" }, file],
    [`${file}@refs/pull/7/merge`, { event: "pull_request_target" }, file],
    [`${file}@refs/pull/12/head`, { event: "pull_request" }, file],
    [`${file}@refs/pull/7/merge/x`, { event: "pull_request" }, null],
    [`${file}@x/refs/pull/7/merge`, { event: "pull_request" }, null],
    [`${file}@refs/pull/7/merge`, {}, null],
    [`${file}@refs/heads/null`, { headBranch: null }, null],
    [`${file}@refs/heads/evil`, {}, null],
    [`${file}@main-evil`, {}, null],
    [`${file}@`, {}, null],
    [`evil/x/${file}@main`, {}, null],
    [`x/${file}`, {}, null],
    [`a/b/c/${file}`, {}, null],
    [`.GITHUB/workflows/deploy.yml`, {}, null],
    [`.github/workflows/sub/deploy.yml`, {}, null],
    [`.github/workflows/`, {}, null],
    ["dynamic/dependabot/update", {}, null],
    ["", {}, null],
  ])("%j of %j is %j", (path, change, expected) => {
    const golden = goldenCase();
    Object.assign(golden.run, { path, ...change });
    expect(golden.identify().workflow).toBe(expected);
  });

  test("a path at the run's own commit counts", () => {
    const golden = goldenCase();
    golden.run.path = `${file}@${golden.run.headSha}`;
    expect(golden.identify().workflow).toBe(file);
  });
});

describe("G-11: workflows of other repositories that the run calls", () => {
  const called = "acme/ci/.github/workflows/x.yml";
  const sha = "0123456789012345678901234567890123456789";

  test.each<[Run["referencedWorkflows"], string[][]]>([
    [null, []],
    [[], []],
    [
      [{ path: `${called}@main`, sha, ref: "refs/heads/main" }],
      [[`${called}@refs/heads/main`, `${called}@${sha}`]],
    ],
    [[{ path: `${called}@v1`, sha }], [[`${called}@v1`, `${called}@${sha}`]]],
    [[{ path: `acme/app/.github/workflows/own.yml@main`, sha }], []],
    [[{ path: `ACME/App/.github/workflows/own.yml@main`, sha }], []],
    [
      [{ path: `acme/app-evil/.github/workflows/own.yml@main`, sha }],
      [
        [
          `acme/app-evil/.github/workflows/own.yml@main`,
          `acme/app-evil/.github/workflows/own.yml@${sha}`,
        ],
      ],
    ],
  ])("%j", (referencedWorkflows, expected) => {
    const golden = goldenCase();
    golden.run.referencedWorkflows = referencedWorkflows;
    expect(golden.identify().calledWorkflows).toEqual(expected);
  });
});

test.each<[name: string, listed: null | [], string[][]]>([
  ["call / deploy", null, [[expect.stringMatching(/^[^@]+$/) as string]]],
  ["call / deploy", [], []],
  ["deploy", null, []],
])(
  "G-11: job %j of a run whose called workflows are %j: %j",
  (name, referencedWorkflows, expected) => {
    const golden = goldenCase();
    golden.run.referencedWorkflows = referencedWorkflows;
    golden.job.name = name;
    expect(golden.identify().calledWorkflows).toEqual(expected);
  },
);

test("G-07: who re-ran is told apart from who started", () => {
  const golden = goldenCase();
  golden.attempt.triggeringActor = { id: 666, login: "mallory", type: "User" };
  expect(golden.identify()).toMatchObject({ actor: "octocat", triggeringActor: "mallory" });
  const { actor: _, triggering_actor: __, ...run } = golden.runJson();
  expect(golden.identify({}, () => run)).toMatchObject({ actor: null, triggeringActor: null });
});
