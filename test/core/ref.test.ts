import { describe, expect, test } from "vitest";
import type { Comparison } from "../../src/core/github-answers.ts";
import type { RunIdentity } from "../../src/core/identity.ts";
import { possibleRefs, proveRef, type RefFacts } from "../../src/core/ref.ts";
import { sha } from "../world/index.ts";
import { code, goldenIdentity, told } from "./golden.ts";

describe("what a run's short name may stand for", () => {
  const both = ["refs/heads/main", "refs/tags/main"];

  test.each<[string, Partial<RunIdentity>, string[]]>([
    ["a push of a branch or a tag", {}, both],
    ["a schedule", { event: "schedule" }, both],
    ["a dispatch", { event: "workflow_dispatch" }, both],
    ["a workflow_run", { event: "workflow_run" }, both],
    [
      "G-25: a merge group",
      { event: "merge_group", headBranch: "gh-readonly-queue/main/pr-7-abc" },
      ["refs/heads/gh-readonly-queue/main/pr-7-abc", "refs/tags/gh-readonly-queue/main/pr-7-abc"],
    ],
    ["G-02: a pull request from a branch called main", { event: "pull_request" }, []],
    [
      "a pull_request_target, whose head_branch is the pull request's",
      { event: "pull_request_target" },
      [],
    ],
    ["a fork, whatever the event", { fork: true }, []],
    ["what may be a fork", { fork: null }, []],
    ["an issue comment", { event: "issue_comment" }, []],
    ["an event unheard of", { event: "future_event" }, []],
    ["no short name", { headBranch: null }, []],
    ["an empty short name", { headBranch: "" }, []],
    ["G-04: a full ref as short name", { headBranch: "refs/heads/main" }, []],
    [
      "G-04: half a ref as short name",
      { headBranch: "heads/main" },
      ["refs/heads/heads/main", "refs/tags/heads/main"],
    ],
    ["G-16: a look-alike", { headBranch: "ｍain" }, ["refs/heads/ｍain", "refs/tags/ｍain"]],
  ])("%s", (_, change, expected) => {
    expect(possibleRefs(goldenIdentity(change))).toEqual(expected);
  });
});

const head = goldenIdentity().headSha;
const other = sha("elsewhere");
const [branchRef, tagRef] = ["refs/heads/main", "refs/tags/main"];

describe("the ref is proved by commit", () => {
  type Row = [string, RefFacts, Comparison | null, string | null];

  test.each<Row>([
    ["the branch's tip", { branch: head, tag: null }, null, branchRef],
    [
      "a commit that the branch has moved on from",
      { branch: other, tag: null },
      "ahead",
      branchRef,
    ],
    ["G-13: a commit beside the branch", { branch: other, tag: null }, "diverged", null],
    ["a commit before the branch", { branch: other, tag: null }, "behind", null],
    ["two commits said to be one", { branch: other, tag: null }, "identical", null],
    ["G-13: a commit that the branch knows nothing of", { branch: other, tag: null }, null, null],
    ["G-22: a deleted branch", { branch: null, tag: null }, "ahead", null],
    ["a tag at the run's commit", { branch: null, tag: head }, null, tagRef],
    ["a tag that was moved", { branch: null, tag: other }, "ahead", null],
  ])("%s", async (_, facts, comparison, expected) => {
    const found = await proveRef(goldenIdentity(), facts, () => Promise.resolve(comparison));
    expect(found).toBe(expected);
  });

  test.each<[string, RefFacts]>([
    ["at the branch's tip", { branch: head, tag: head }],
    ["elsewhere", { branch: head, tag: other }],
    ["at the run's commit", { branch: other, tag: head }],
  ])("G-03: a tag named like the branch, %s, is refused", async (_, facts) => {
    const proving = proveRef(goldenIdentity(), facts, () => Promise.resolve("ahead"));
    await expect(proving).rejects.toThrow(code("ref_ambiguous", { fields: ["ref"], ...told }));
  });

  test("the comparison is asked for the branch's tip, and only when that is another commit", async () => {
    const asked: string[] = [];
    const compare = (tip: string): Promise<Comparison> => {
      asked.push(tip);
      return Promise.resolve("ahead");
    };
    await proveRef(goldenIdentity(), { branch: head, tag: null }, compare);
    expect(asked).toEqual([]);
    await proveRef(goldenIdentity(), { branch: other, tag: null }, compare);
    expect(asked).toEqual([other]);
  });

  test("a name that stands for no ref proves none, whatever the commits", async () => {
    const identity = goldenIdentity({ event: "pull_request" });
    for (const facts of [
      { branch: head, tag: null },
      { branch: null, tag: head },
    ]) {
      expect(await proveRef(identity, facts, () => Promise.resolve("ahead"))).toBeNull();
    }
  });
});
