import { fullName, type Repository, type User } from "./model.ts";
import { repositoryUrls, userUrls } from "./links.ts";
import type { State } from "./state.ts";

/** GitHub's own JSON, with every property that its OpenAPI description requires. */
export type Json = Record<string, unknown>;

export function userShape(state: State, { id, login, type }: User): Json {
  return {
    login,
    id,
    node_id: nodeId("User", id),
    avatar_url: `${state.webUrl}/avatars/u/${id}?v=4`,
    gravatar_id: "",
    ...userUrls(state, login),
    type,
    user_view_type: "public",
    site_admin: false,
  };
}

/** The short form, which runs carry. */
export function minimalRepositoryShape(state: State, repository: Repository): Json {
  return {
    id: repository.id,
    node_id: nodeId("Repository", repository.id),
    name: repository.name,
    full_name: fullName(repository),
    private: repository.private,
    owner: userShape(state, repository.owner),
    description: null,
    fork: repository.forkOf !== null,
    ...repositoryUrls(state, fullName(repository)),
  };
}

export function repositoryShape(state: State, repository: Repository): Json {
  const name = fullName(repository);
  const zeros = [
    "forks_count",
    "stargazers_count",
    "watchers_count",
    "open_issues_count",
    "forks",
    "open_issues",
    "watchers",
  ];
  return {
    ...minimalRepositoryShape(state, repository),
    git_url: `git://github.com/${name}.git`,
    ssh_url: `git@github.com:${name}.git`,
    clone_url: `${state.webUrl}/${name}.git`,
    svn_url: `${state.webUrl}/${name}`,
    mirror_url: null,
    homepage: null,
    language: null,
    license: null,
    default_branch: repository.defaultBranch,
    visibility: repository.private ? "private" : "public",
    has_issues: true,
    has_projects: true,
    has_wiki: true,
    has_pages: false,
    has_downloads: true,
    has_discussions: false,
    archived: false,
    disabled: false,
    size: 108,
    created_at: "2024-01-01T00:00:00Z",
    updated_at: "2026-01-01T00:00:00Z",
    pushed_at: "2026-01-01T00:00:00Z",
    ...Object.fromEntries(zeros.map((property) => [property, 0])),
    network_count: 0,
    subscribers_count: 0,
    ...(repository.forkOf === null
      ? {}
      : { parent: repositoryShape(state, { ...repository.forkOf, forkOf: null }) }),
  };
}

export function nodeId(type: string, id: number | string): string {
  return Buffer.from(`${type}:${id}`).toString("base64");
}
