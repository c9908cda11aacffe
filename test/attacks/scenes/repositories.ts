import type { Bench } from "../../harness/bench.ts";
import { grantLike, roleOf } from "../../harness/config.ts";
import { repositoryOf } from "../../harness/scenes.ts";
import type { Job, Repository } from "../../world/index.ts";
import { noGrant, ofRun, retold, type Scenes } from "./scene.ts";

export const repositoryGrants = [
  grantLike("taken-over", { repository: "acme/taken-over", repository_id: 2_031 }),
  grantLike("renamed", { repository: "acme/old-name", repository_id: 2_011 }),
  grantLike("new-name", { repository: "acme/new-name", repository_id: 2_021 }),
  grantLike("shops", { repository: "acme/shop-*", repository_id: undefined }),
];

/** A job in another repository, asked for by that repository's name unless another is given. */
const inRepository =
  (name: string, id: number, then: (repository: Repository, bench: Bench) => void = () => {}) =>
  (bench: Bench): Job => {
    const { github } = bench.world;
    const repository = github.repositoryWithId(id) ?? repositoryOf(bench, name, id);
    const job = github.addJob(github.addRun(repository));
    then(repository, bench);
    return job;
  };

export const repositoryScenes: Scenes = {
  "another repository of the organisation has no grant, and GitHub is not asked for it (G-26)": {
    job: inRepository("other", 2_002),
    verdict: noGrant("repository"),
    silent: true,
  },
  "another repository of the organisation has no grant for a role of a third (G-26)": {
    job: inRepository("another", 2_003),
    role: roleOf("taken-over"),
    verdict: noGrant("repository"),
    silent: true,
  },
  "a repository of another owner is not the grant's by its name (G-26)": {
    job: (bench) => {
      const { github } = bench.world;
      const repository = github.addRepository({ owner: "eve", name: "app", id: 2_004 });
      github.push(repository, "main", "eve first");
      return github.addJob(github.addRun(repository));
    },
    verdict: noGrant("repository"),
    silent: true,
  },
  "a repository that the pattern of a grant fits is served (G-26)": {
    job: inRepository("shop-two", 2_005),
    role: roleOf("shops"),
    verdict: "served",
  },
  "a repository has the roles of its own grants alone (A-01)": {
    job: ofRun({}),
    role: roleOf("shops"),
    verdict: { code: "role_not_granted", fields: ["role"] },
  },
  "a role of the same name in another account is another role (A-01)": {
    job: ofRun({}),
    role: "arn:aws:iam::999999999999:role/app-deploy",
    verdict: { code: "role_not_granted", fields: ["role"] },
  },
  "a repository that has taken over the name of another, with the next id, is another (G-14)": {
    job: inRepository("taken-over", 2_032),
    role: roleOf("taken-over"),
    verdict: noGrant("repository_id"),
  },
  "a repository that was renamed is not led to by its old name (G-14)": {
    job: inRepository("old-name", 2_011, (repository, { world }) => {
      world.github.rename(repository, "newer-name");
    }),
    asks: () => ({ repository: "acme/old-name" }),
    role: roleOf("renamed"),
    verdict: noGrant("repository"),
    notRecorded: "GitHub sends its reader to another address",
  },
  "a repository that was renamed has no grant by its new name (G-14)": {
    job: inRepository("older-name", 2_012, (repository, { world }) => {
      world.github.rename(repository, "newest-name");
    }),
    verdict: noGrant("repository"),
    silent: true,
  },
  "a run that GitHub tells of another name than it was asked for is not the grant's (G-14)": {
    job: (bench) => {
      const job = inRepository("new-name", 2_021)(bench);
      retold(bench, job, (body) => {
        Object.assign(body["repository"] as object, { full_name: "acme/newest" });
      });
      return job;
    },
    role: roleOf("new-name"),
    verdict: noGrant("repository"),
  },
  "a run that GitHub tells of another name is not the grant's, though its pattern fits that too (G-14)":
    {
      job: (bench) => {
        const job = inRepository("shop-six", 2_006)(bench);
        retold(bench, job, (body) => {
          Object.assign(body["repository"] as object, { full_name: "acme/shop-seven" });
        });
        return job;
      },
      role: roleOf("shops"),
      verdict: noGrant("repository"),
      notRecorded: "a recording has one name alone",
    },
  "a run that GitHub does not know is not found": {
    job: ofRun({}),
    asks: () => ({ run_id: 424_242 }),
    verdict: { code: "job_not_found" },
    notRecorded: "there is nothing to record",
  },
};
