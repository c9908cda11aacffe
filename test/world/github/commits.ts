import { fullName, type Repository } from "./model.ts";
import { compare, networkOf, parentsOf, resolve } from "./history.ts";
import { nodeId, userShape, type Json } from "./shapes.ts";
import type { Asked } from "./asked.ts";
import type { State } from "./state.ts";
import { json, type Answer } from "../answer.ts";
import { notFound, refusal } from "./errors.ts";

/** GET /commits/{ref}: a sha, a branch or a tag. */
export function commitAnswer({ state, repository }: Asked, ref: string): Answer {
  const network = networkOf(state.repositories, repository);
  const sha = resolve(network, repository, ref);
  if (sha === undefined)
    return refusal(
      422,
      `No commit found for SHA: ${ref}`,
      "https://docs.github.com/rest/commits/commits#get-a-commit",
    );
  return json(commit(state, network, repository, sha));
}

/** GET /compare/{base}...{head}. */
export function compareAnswer({ state, repository }: Asked, basehead: string): Answer {
  const documentation = "https://docs.github.com/rest/commits/commits#compare-two-commits";
  const network = networkOf(state.repositories, repository);
  const [base, head] = basehead.split("...").map((side) => resolve(network, repository, side));
  if (base === undefined || head === undefined) return notFound(documentation);
  const comparison = compare(network, base, head);
  if (comparison === undefined)
    return refusal(404, `No common ancestor between ${base} and ${head}.`, documentation);
  const page = `${state.webUrl}/${fullName(repository)}/compare/${basehead}`;
  return json({
    url: `${state.apiUrl}/repos/${fullName(repository)}/compare/${basehead}`,
    html_url: page,
    permalink_url: page,
    diff_url: `${page}.diff`,
    patch_url: `${page}.patch`,
    base_commit: commit(state, network, repository, base),
    merge_base_commit: commit(state, network, repository, comparison.mergeBase),
    status: comparison.status,
    ahead_by: comparison.ahead.length,
    behind_by: comparison.behind.length,
    total_commits: comparison.ahead.length,
    commits: comparison.ahead.slice(0, 250).map((sha) => commit(state, network, repository, sha)),
    files: [],
  });
}

function commit(
  state: State,
  network: readonly Repository[],
  repository: Repository,
  sha: string,
): Json {
  const api = `${state.apiUrl}/repos/${fullName(repository)}`;
  const page = `${state.webUrl}/${fullName(repository)}/commit`;
  const person = {
    name: "The Octocat",
    email: "octocat@example.com",
    date: "2026-01-01T00:00:00Z",
  };
  const author = userShape(state, { id: 583_231, login: "octocat", type: "User" });
  return {
    sha,
    node_id: nodeId("Commit", sha),
    commit: {
      author: person,
      committer: person,
      message: `commit ${sha.slice(0, 7)}`,
      tree: { sha, url: `${api}/git/trees/${sha}` },
      url: `${api}/git/commits/${sha}`,
      comment_count: 0,
      verification: {
        verified: false,
        reason: "unsigned",
        signature: null,
        payload: null,
        verified_at: null,
      },
    },
    url: `${api}/commits/${sha}`,
    html_url: `${page}/${sha}`,
    comments_url: `${api}/commits/${sha}/comments`,
    author,
    committer: author,
    parents: (parentsOf(network, sha) ?? []).map((parent) => ({
      sha: parent,
      url: `${api}/commits/${parent}`,
      html_url: `${page}/${parent}`,
    })),
  };
}
