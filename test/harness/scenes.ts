import { type Repository, sha } from "../world/index.ts";
import type { Bench } from "./bench.ts";

/** A workflow that a run calls. */
export function calling(
  repository: string,
  ref: string,
): { path: string; sha: string; ref: string } {
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
