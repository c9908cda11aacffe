import type { Repository } from "./model.ts";

export type Comparison =
  | {
      status: "identical" | "ahead" | "behind" | "diverged";
      ahead: string[];
      behind: string[];
      base: string;
      head: string;
      mergeBase: string;
    }
  | undefined;

/** The parents of a commit, looked up in the whole fork network as GitHub does: a fork's commit resolves through its parent too. */
export function parentsOf(network: readonly Repository[], sha: string): string[] | undefined {
  for (const repository of network) {
    const parents = repository.ancestry.get(sha);
    if (parents !== undefined) return parents;
  }
  return undefined;
}

export function networkOf(
  repositories: readonly Repository[],
  repository: Repository,
): Repository[] {
  const root = rootOf(repository);
  return repositories.filter((candidate) => rootOf(candidate) === root);
}

function rootOf(repository: Repository): Repository {
  return repository.forkOf === null ? repository : rootOf(repository.forkOf);
}

/** A commit from a sha, a branch or a tag; undefined when there is none. */
export function resolve(
  network: readonly Repository[],
  repository: Repository,
  name: string,
): string | undefined {
  const named = repository.branches.get(name) ?? repository.tags.get(name) ?? name;
  const sha = repository.tagObjects.get(named) ?? named;
  return parentsOf(network, sha) === undefined ? undefined : sha;
}

/** What GitHub's compare says; undefined when a side is unknown or the two have nothing in common. */
export function compare(network: readonly Repository[], base: string, head: string): Comparison {
  const ofBase = ancestors(network, base);
  const ofHead = ancestors(network, head);
  const ahead = [...ofHead].filter((sha) => !ofBase.has(sha));
  const behind = [...ofBase].filter((sha) => !ofHead.has(sha));
  const mergeBase = [...ofHead].find((sha) => ofBase.has(sha));
  if (mergeBase === undefined) return undefined;
  const status =
    ahead.length === 0
      ? behind.length === 0
        ? "identical"
        : "behind"
      : behind.length === 0
        ? "ahead"
        : "diverged";
  return { status, ahead: ahead.toReversed(), behind, base, head, mergeBase };
}

/** A commit and all before it, nearest first. */
function ancestors(network: readonly Repository[], sha: string): Set<string> {
  const seen = new Set([sha]);
  for (const commit of seen)
    for (const parent of parentsOf(network, commit) ?? []) seen.add(parent);
  return seen;
}
