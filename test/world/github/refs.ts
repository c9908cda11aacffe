import { json, type Answer } from "../answer.ts";
import { notFound } from "./errors.ts";
import { fullName, type Repository } from "./model.ts";
import { nodeId, type Json } from "./shapes.ts";
import type { Asked } from "./asked.ts";
import type { State } from "./state.ts";

const documentation = "https://docs.github.com/rest/git/refs#get-a-reference";

/** GET /git/ref/{ref}: exactly this branch or tag, never one that merely begins so. */
export function refAnswer({ state, repository }: Asked, ref: string): Answer {
  const found = refs(state, repository).find(([name]) => name === `refs/${ref}`);
  return found === undefined ? notFound(documentation) : json(found[1]());
}

/** GET /git/matching-refs/{prefix}: all that begin so, in order; an empty list when there is none. */
export function matchingRefsAnswer({ state, repository }: Asked, prefix: string): Answer {
  const found = refs(state, repository).filter(([name]) => name.startsWith(`refs/${prefix}`));
  return json(found.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, made]) => made()));
}

/** GET /git/tags/{sha}: the object of an annotated tag. */
export function tagAnswer({ state, repository }: Asked, sha: string): Answer {
  const target = repository.tagObjects.get(sha);
  const name = [...repository.tags].find(([, object]) => object === sha)?.[0];
  if (target === undefined || name === undefined)
    return notFound("https://docs.github.com/rest/git/tags#get-a-tag");
  const git = `${state.apiUrl}/repos/${fullName(repository)}/git`;
  return json({
    node_id: nodeId("Tag", sha),
    sha,
    url: `${git}/tags/${sha}`,
    tag: name,
    message: name,
    tagger: { name: "The Octocat", email: "octocat@example.com", date: "2026-01-01T00:00:00Z" },
    object: { type: "commit", sha: target, url: `${git}/commits/${target}` },
    verification: {
      verified: false,
      reason: "unsigned",
      signature: null,
      payload: null,
      verified_at: null,
    },
  });
}

function refs(state: State, repository: Repository): [string, () => Json][] {
  const branches = [...repository.branches].map(
    ([name, sha]) => [`refs/heads/${name}`, sha] as const,
  );
  const tags = [...repository.tags].map(([name, sha]) => [`refs/tags/${name}`, sha] as const);
  return [...branches, ...tags].map(([name, sha]) => [
    name,
    () => shape(state, repository, name, sha),
  ]);
}

function shape(state: State, repository: Repository, ref: string, sha: string): Json {
  const git = `${state.apiUrl}/repos/${fullName(repository)}/git`;
  const type = repository.tagObjects.has(sha) ? "tag" : "commit";
  return {
    ref,
    node_id: nodeId("Ref", ref),
    url: `${git}/${ref}`,
    object: { sha, type, url: `${git}/${type}s/${sha}` },
  };
}
