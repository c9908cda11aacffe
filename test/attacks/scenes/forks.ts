import type { Bench } from "../../harness/bench.ts";
import { grantLike, roleOf } from "../../harness/config.ts";
import { forkOf } from "../../harness/scenes.ts";
import { type Job, type Repository, sha } from "../../world/index.ts";
import type { RunOptions } from "../../world/github/builders.ts";
import { aFork, noGrant, ofRun, retold, runOf, type Scenes } from "./scene.ts";

export const forkGrants = [
  grantLike("pull-requests", { event: ["pull_request"] }),
  grantLike("forks-of-main", { event: ["push", "pull_request"], forks: true }),
  grantLike("forks", { event: ["pull_request"], forks: true, ref: undefined }),
];

const theFork = (bench: Bench): Repository =>
  bench.world.github.repositoryWithId(999_001) ?? forkOf(bench);

const fromFork = (run: RunOptions) => (bench: Bench) =>
  runOf(bench, { headRepository: theFork(bench), ...run });

const withRun =
  (change: (body: Record<string, unknown>) => void, run: RunOptions = {}) =>
  (bench: Bench): Job => {
    const job = runOf(bench, { event: "pull_request", ...run });
    retold(bench, job, change);
    return job;
  };

/** A push of a commit that is in the fork alone, which GitHub finds through the repository as well. */
const imposter =
  (name: string, parent: "third" | "first") =>
  (bench: Bench): Job => {
    const fork = theFork(bench);
    fork.branches.set(name, sha(`1001 ${parent}`));
    return runOf(bench, { headSha: bench.world.github.push(fork, name, name) });
  };

const unusable = { code: "github_unavailable" };
const notRecorded = "what GitHub answers is no run";

export const forkScenes: Scenes = {
  "a pull request from a fork, which brings its own workflow, is a fork's (G-01)": {
    job: fromFork({ event: "pull_request" }),
    verdict: aFork,
  },
  "a run whose fork was deleted is a fork's (G-01)": {
    job: ofRun({ event: "pull_request", headRepository: null }),
    verdict: aFork,
  },
  "a fork that GitHub shows by the repository's own name is told by its id (G-01)": {
    job: withRun(({ head_repository: head }) => Object.assign(head as object, { id: 999_001 })),
    verdict: aFork,
  },
  "a run of a repository without an id is no answer to go by (G-01)": {
    job: withRun(({ repository }) => delete (repository as { id?: number }).id),
    verdict: unusable,
    notRecorded,
  },
  "a run of a repository whose id is 0 is no answer to go by (G-01)": {
    job: withRun(({ repository }) => Object.assign(repository as object, { id: 0 })),
    verdict: unusable,
    notRecorded,
  },
  "two ids that are missing are not equal: no answer to go by (G-01)": {
    job: withRun(({ repository, head_repository: head }) => {
      for (const side of [repository, head]) delete (side as { id?: number }).id;
    }),
    verdict: unusable,
    notRecorded,
  },
  "a fork's branch that is called main, in a run that calls itself a push, is a fork's (G-02)": {
    job: fromFork({ event: "push" }),
    verdict: aFork,
  },
  "a fork's pull request is a fork's where the grant takes pull requests (G-02)": {
    job: fromFork({ event: "pull_request" }),
    role: roleOf("pull-requests"),
    verdict: aFork,
  },
  "a pull request from the repository's own branch main is no push to main (G-02)": {
    job: ofRun({ event: "pull_request" }),
    verdict: noGrant("ref", "event"),
  },
  "a pull request from the repository's own branch main is not on main, whatever the grant takes (G-02)":
    {
      job: ofRun({ event: "pull_request" }),
      role: roleOf("pull-requests"),
      verdict: noGrant("ref"),
    },
  "a fork that may have the role does not have main by calling a branch so (G-02)": {
    job: fromFork({ event: "pull_request" }),
    role: roleOf("forks-of-main"),
    verdict: noGrant("ref"),
  },
  "a fork does not have main by a run that calls itself a push either (G-02)": {
    job: fromFork({ event: "push" }),
    role: roleOf("forks-of-main"),
    verdict: noGrant("ref"),
  },
  "a fork has a role whose grant says forks: true, names the event and leaves the ref out (G-01)": {
    job: fromFork({ event: "pull_request" }),
    role: roleOf("forks"),
    verdict: "served",
  },
  "a commit on top of main that only a fork has is not on main (G-13)": {
    job: imposter("ahead of main", "third"),
    verdict: noGrant("ref"),
  },
  "a commit beside main that only a fork has is not on main (G-13)": {
    job: imposter("beside main", "first"),
    verdict: noGrant("ref"),
  },
  "a commit that GitHub can't compare with main is not on main (G-13)": {
    job: ofRun({ headSha: sha("of nobody") }),
    verdict: noGrant("ref"),
  },
};
