import { type Repository, sha } from "../world/index.ts";
import type { Bench } from "./bench.ts";
import { grantLike } from "./config.ts";

/** Grants beside the golden one, each for a role of its name: see roleOf. */
export const sceneGrants = [
  grantLike("by-octocat", { actor: ["octocat"] }),
  grantLike("release", { ref: "refs/heads/release" }),
  grantLike("patterned", { ref: ["refs/heads/main", "refs/heads/release/*"], event: ["push"] }),
  grantLike("with-ci", {
    reusable_workflow: ["acme/ci/.github/workflows/deploy.yml@refs/heads/main"],
  }),
  grantLike("moved", { repository: "acme/moved", repository_id: 2001 }),
];

/** A workflow that a run calls. */
export function calling(repository: string, ref: string): object {
  return { path: `${repository}/.github/workflows/deploy.yml@${ref}`, sha: sha(repository), ref };
}

/** Another repository of acme's with a commit on main. */
export function repositoryOf({ world }: Bench, name: string, id: number): Repository {
  const repository = world.github.addRepository({ name, id });
  world.github.push(repository, "main", `${name} first`);
  return repository;
}

/** A fork of acme/app that belongs to somebody else. */
export function forkOf({ world, repository }: Bench): Repository {
  return world.github.addRepository({ owner: "mallory", id: 999_001, forkOf: repository });
}
