import { Refusal } from "./errors.ts";
import type { Comparison } from "./github-answers.ts";
import type { RunIdentity } from "./identity.ts";

/**
 * Which ref a run is of. GitHub's run object has a short name that looks the same for a branch and a
 * tag, and that a fork or a pull request can choose freely (G-02, G-03, G-13). So the full ref is built
 * by adding a prefix, never by taking one off (G-04), and proved by commit against the ref itself.
 */

/** What GitHub says of the two refs of a short name. */
export interface RefFacts {
  /** Commit at the branch's tip; null when there is no such branch. */
  branch: string | null;
  /** Commit of the tag (peeled); null when there is no such tag. */
  tag: string | null;
}

/** Events whose head_branch is a branch or tag of the run's own repository. */
const ownRefEvents = new Set([
  "push",
  "schedule",
  "workflow_dispatch",
  "workflow_run",
  "merge_group",
]);

/** Whether runs of an event have a ref that can be proved by GitHub's API. */
export function hasOwnRef(event: string): boolean {
  return ownRefEvents.has(event);
}

/** @returns the full refs that the run's short name may stand for; none when it says nothing. */
export function possibleRefs({ event, fork, headBranch }: RunIdentity): readonly string[] {
  if (fork !== false || !headBranch || headBranch.startsWith("refs/")) return [];
  if (!hasOwnRef(event)) return [];
  return [`refs/heads/${headBranch}`, `refs/tags/${headBranch}`];
}

/**
 * @param compare how the ref's tip stands to the run's commit; asked only when they differ
 * @returns the full ref, or null when the run's commit is not (or no longer) on it (G-22)
 * @throws {Refusal} ref_ambiguous
 */
export async function proveRef(
  identity: RunIdentity,
  facts: RefFacts,
  compare: (tip: string) => Promise<Comparison | null>,
): Promise<string | null> {
  if (facts.branch !== null && facts.tag !== null) {
    throw new Refusal("ref_ambiguous", {
      fields: ["ref"],
      detail: "A branch and a tag have the run's ref name.",
    });
  }
  const [branchRef, tagRef] = possibleRefs(identity);
  if (facts.tag !== null) return facts.tag === identity.headSha ? (tagRef ?? null) : null;
  if (facts.branch === null) return null;
  if (facts.branch === identity.headSha) return branchRef ?? null;
  // The tip may have moved on; the run's commit must be behind it. `ahead` is the tip's side.
  return (await compare(facts.branch)) === "ahead" ? (branchRef ?? null) : null;
}
