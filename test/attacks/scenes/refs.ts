import type { Bench } from "../../harness/bench.ts";
import { grantLike, roleOf } from "../../harness/config.ts";
import { type Job, sha } from "../../world/index.ts";
import type { RunOptions } from "../../world/github/builders.ts";
import { noGrant, ofRun, runOf, type Scenes } from "./scene.ts";

const tagged = ["tagged-elsewhere", "tagged-here", "annotated", "only-a-tag", "prefix"];
const pinned = [...tagged, "gone", "rewritten", "near", "listed"];

export const refGrants = [
  grantLike("branch", {
    ref: pinned.map((name) => `refs/heads/${name}`),
  }),
  grantLike("tag", { ref: "refs/tags/v*" }),
  grantLike("release", { ref: ["refs/heads/main", "refs/heads/release/*"] }),
  grantLike("mains", { ref: "refs/heads/ma.n" }),
  grantLike("either", { ref: "refs/heads/(main|x)" }),
  grantLike("any-level", { ref: "refs/heads/feature/**" }),
  grantLike("one-level", { ref: "refs/heads/*", event: ["push", "merge_group"] }),
  grantLike("queue", { ref: "refs/heads/gh-readonly-queue/main/*", event: ["merge_group"] }),
];

/** A run after a push to the branch of this name. */
const onBranch =
  (name: string, run: RunOptions = {}) =>
  (bench: Bench): Job => {
    bench.world.github.push(bench.repository, name, `work on ${name}`);
    return runOf(bench, { headBranch: name, ...run });
  };

interface Tag {
  /** Its commit; that of the run when left out. */
  readonly at?: string;
  readonly annotated?: boolean;
  readonly branch?: boolean;
}

/** A run after a push of a tag of this name, beside a branch that is called the same. */
const onTag =
  (name: string, { at = sha(`work on ${name}`), annotated, branch = true }: Tag = {}) =>
  ({ world, repository }: Bench): Job => {
    if (branch) world.github.push(repository, name, `work on ${name}`);
    repository.tags.set(name, annotated ? sha(`tag ${name}`) : at);
    if (annotated) repository.tagObjects.set(sha(`tag ${name}`), at);
    const run = world.github.addRun(repository, {
      headBranch: name,
      headSha: at,
      ref: `refs/tags/${name}`,
    });
    return world.github.addJob(run);
  };

/** A run of a branch that GitHub's answer for it is not about: it tells of one whose name begins so. */
const answeredFor =
  (name: string, answer: (ref: object) => unknown) =>
  (bench: Bench): Job => {
    const job = onBranch(name)(bench);
    const change = (ref: object): object =>
      answer({ ...ref, ref: `refs/heads/${name}-old` }) as object;
    bench.world.github.api.transform(change, { match: new RegExp(`/git/ref/heads/${name}$`) });
    return job;
  };

const elsewhere = sha("1001 first");
const ambiguous = { code: "ref_ambiguous", fields: ["ref"] };
const branch = roleOf("branch");
const tag = roleOf("tag");
const release = roleOf("release");

export const refScenes: Scenes = {
  "a tag called like the branch, at another commit, does not stand for it (G-03)": {
    job: onTag("tagged-elsewhere", { at: elsewhere }),
    role: branch,
    verdict: ambiguous,
  },
  "a tag called like the branch, at its very commit, does not stand for it (G-03)": {
    job: onTag("tagged-here"),
    role: branch,
    verdict: ambiguous,
  },
  "an annotated tag called like the branch does not stand for it (G-03)": {
    job: onTag("annotated", { annotated: true }),
    role: branch,
    verdict: ambiguous,
  },
  "a tag called like a branch that is not there does not stand for it (G-03)": {
    job: onTag("only-a-tag", { at: elsewhere, branch: false }),
    role: branch,
    verdict: noGrant("ref"),
  },
  "a tag and a branch whose names begin like the branch's change nothing (G-03)": {
    job: (bench) => {
      onTag("prefix-old")(bench);
      onTag("prefix/old")(bench);
      return onBranch("prefix")(bench);
    },
    role: branch,
    verdict: "served",
  },
  "a branch whose name only begins like the branch's does not stand for it (G-03)": {
    job: answeredFor("near", (ref) => ref),
    role: branch,
    verdict: noGrant("ref"),
  },
  "an answer that lists the branches whose names begin so is none to go by (G-03)": {
    job: answeredFor("listed", (ref) => [ref]),
    role: branch,
    verdict: { code: "github_unavailable" },
    notRecorded: "the recorder leaves out the branches that it can't read",
  },
  "a branch called like a tag does not stand for it (G-03)": {
    job: onBranch("v1-branch"),
    role: tag,
    verdict: noGrant("ref"),
  },
  "a tag that is called like a branch does not stand for itself either (G-03)": {
    job: onTag("v2-both"),
    role: tag,
    verdict: ambiguous,
  },
  "a tag is served to the grant that names tags (G-03)": {
    job: onTag("v3", { at: elsewhere, branch: false }),
    role: tag,
    verdict: "served",
  },
  "an annotated tag is served to the grant that names tags (G-03)": {
    job: onTag("v4", { at: elsewhere, annotated: true, branch: false }),
    role: tag,
    verdict: "served",
  },
  "a tag that has moved to another commit is the run's no more (G-22)": {
    job: (bench) => {
      const job = onTag("v5", { at: elsewhere, branch: false })(bench);
      bench.repository.tags.set("v5", sha("1001 second"));
      return job;
    },
    role: tag,
    verdict: noGrant("ref"),
  },
  "a branch called refs/heads/main is not main (G-04)": {
    job: onBranch("refs/heads/main"),
    verdict: noGrant("ref"),
  },
  "a branch called heads/main is not main (G-04)": {
    job: onBranch("heads/main"),
    verdict: noGrant("ref"),
  },
  "a branch called tags/v1 is not the tag v1 (G-04)": {
    job: onBranch("tags/v1"),
    role: tag,
    verdict: noGrant("ref"),
  },
  "a branch called refs/tags/v1 is not the tag v1 (G-04)": {
    job: onBranch("refs/tags/v1"),
    role: tag,
    verdict: noGrant("ref"),
  },
  "a run without a branch is on none (G-02)": {
    job: ofRun({ headBranch: null, headSha: elsewhere }),
    verdict: noGrant("ref"),
  },
  "a branch that was deleted holds nothing (G-22)": {
    job: (bench) => {
      const job = onBranch("gone")(bench);
      bench.repository.branches.delete("gone");
      return job;
    },
    role: branch,
    verdict: noGrant("ref"),
  },
  "a commit that a force push has taken off the branch is not on it (G-22)": {
    job: (bench) => {
      const job = onBranch("rewritten")(bench);
      bench.repository.branches.set("rewritten", elsewhere);
      return job;
    },
    role: branch,
    verdict: noGrant("ref"),
  },
  "a commit that its branch has gone on from is still on it (G-22)": {
    job: (bench) => {
      const job = onBranch("release/7")(bench);
      bench.world.github.push(bench.repository, "release/7", "newer", "newest");
      return job;
    },
    role: release,
    verdict: "served",
  },
  "a branch of the merge queue for main is not main (G-25)": {
    job: onBranch("gh-readonly-queue/main/pr-7-abc", { event: "merge_group" }),
    verdict: noGrant("ref", "event"),
  },
  "a branch of the merge queue is not under refs/heads/* (G-25)": {
    job: onBranch("gh-readonly-queue/main/pr-8-abc", { event: "merge_group" }),
    role: roleOf("one-level"),
    verdict: noGrant("ref"),
  },
  "a branch of the merge queue for main is served to the grant of that very pattern (G-25)": {
    job: onBranch("gh-readonly-queue/main/pr-9-abc", { event: "merge_group" }),
    role: roleOf("queue"),
    verdict: "served",
  },
  "a branch of the merge queue for another branch is not (G-25)": {
    job: onBranch("gh-readonly-queue/dev/main/pr-9-abc", { event: "merge_group" }),
    role: roleOf("queue"),
    verdict: noGrant("ref"),
  },
  "a branch that fits the pattern is served (P-03)": {
    job: onBranch("release/2"),
    role: release,
    verdict: "served",
  },
  "a branch one level below the pattern does not fit it (P-03)": {
    job: onBranch("release/1/x"),
    role: release,
    verdict: noGrant("ref"),
  },
  "a branch levels below a pattern with two stars fits it (P-03)": {
    job: onBranch("feature/a/b/c"),
    role: roleOf("any-level"),
    verdict: "served",
  },
  "a branch that ends before a pattern's two stars does not fit it (P-03)": {
    job: onBranch("feature"),
    role: roleOf("any-level"),
    verdict: noGrant("ref"),
  },
  "a branch with something before the pattern does not fit it (P-03)": {
    job: onBranch("xrelease/y"),
    role: release,
    verdict: noGrant("ref"),
  },
  "a branch that ends where the pattern's star begins does not fit it (P-03)": {
    job: onBranch("release/"),
    role: release,
    verdict: noGrant("ref"),
  },
  "a branch whose name begins like the grant's is another (P-03)": {
    job: onBranch("main-evil"),
    verdict: noGrant("ref"),
  },
  "a branch whose name ends like the grant's is another (P-03)": {
    job: onBranch("evil/main"),
    verdict: noGrant("ref"),
  },
  "a point in a grant is no more than a point (P-03)": {
    job: ofRun({}),
    role: roleOf("mains"),
    verdict: noGrant("ref"),
  },
  "brackets and bars in a grant are no more than that (P-03)": {
    job: ofRun({}),
    role: roleOf("either"),
    verdict: noGrant("ref"),
  },
};
