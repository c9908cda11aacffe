import type { Policy } from "./policy.ts";
import { hasOwnRef } from "./ref.ts";

/** What an operator should look at twice; told when the configuration is loaded. */
export function warnings({ grants }: Policy): string[] {
  return grants.flatMap((grant) => {
    const risky = grant.event.filter((event) => riskyEvents.has(event));
    const unknown = grant.event.filter((event) => !knownEvents.has(event));
    const refless = grant.event.filter((event) => knownEvents.has(event) && !hasOwnRef(event));
    return [
      !grant.repository.literal &&
        "its repository is a pattern: every repository that fits may have the role",
      grant.repositoryId === undefined &&
        grant.repository.literal &&
        "without repository_id it holds for whoever has the name after a rename",
      unknown.length > 0 && `GitHub has no event that is known here as: ${unknown.join(", ")}`,
      grant.ref !== undefined &&
        grant.proof === "log" &&
        refless.length > 0 &&
        `its ref fits no run of: ${refless.join(", ")}: by the log no ref of theirs can be proved`,
      risky.length > 0 && `outsiders can start or feed runs of: ${risky.join(", ")}`,
      grant.legacy &&
        (grant.proof === "oidc" || grant.proof === "both") &&
        "legacy fits nobody: the original's clients have no token, which its proof wants",
      grant.forks &&
        "runs from forks may have the role: whoever opens a pull request runs their code with it",
    ]
      .filter((warning) => warning !== false)
      .map((warning) => `grant ${grant.name}: ${warning}`);
  });
}

/** Events that run with the repository's rights on data, or at the wish, of outsiders (G-05, G-06). */
const riskyEvents = new Set([
  "pull_request_target",
  "workflow_run",
  "issue_comment",
  "issues",
  "discussion",
  "discussion_comment",
  "repository_dispatch",
  "check_run",
  "check_suite",
  "label",
  "fork",
  "watch",
  "status",
  // Edits of the wiki, which may be open to everybody.
  "gollum",
]);

/**
 * Events of which a run may be. GitHub has more of them each year: one that is not here is worth a look,
 * and no fault. `workflow_call` is none: such a run has its caller's event.
 */
const knownEvents = new Set([
  ...riskyEvents,
  "branch_protection_rule",
  "create",
  "delete",
  "deployment",
  "deployment_status",
  "dynamic",
  "image_version",
  "member",
  "merge_group",
  "milestone",
  "page_build",
  "project",
  "project_card",
  "project_column",
  "public",
  "pull_request",
  "pull_request_comment",
  "pull_request_review",
  "pull_request_review_comment",
  "push",
  "registry_package",
  "release",
  "schedule",
  "team_add",
  "workflow_dispatch",
]);
