import type { State } from "./state.ts";

/** The link properties of users and repositories: name, and what follows the object's own URL. */
const ofUser = {
  followers: "/followers",
  following: "/following{/other_user}",
  gists: "/gists{/gist_id}",
  starred: "/starred{/owner}{/repo}",
  subscriptions: "/subscriptions",
  organizations: "/orgs",
  repos: "/repos",
  events: "/events{/privacy}",
  received_events: "/received_events",
};

const ofRepository = {
  forks: "/forks",
  keys: "/keys{/key_id}",
  collaborators: "/collaborators{/collaborator}",
  teams: "/teams",
  hooks: "/hooks",
  issue_events: "/issues/events{/number}",
  events: "/events",
  assignees: "/assignees{/user}",
  branches: "/branches{/branch}",
  tags: "/tags",
  blobs: "/git/blobs{/sha}",
  git_tags: "/git/tags{/sha}",
  git_refs: "/git/refs{/sha}",
  trees: "/git/trees{/sha}",
  statuses: "/statuses/{sha}",
  languages: "/languages",
  stargazers: "/stargazers",
  contributors: "/contributors",
  subscribers: "/subscribers",
  subscription: "/subscription",
  commits: "/commits{/sha}",
  git_commits: "/git/commits{/sha}",
  comments: "/comments{/number}",
  issue_comment: "/issues/comments{/number}",
  contents: "/contents/{+path}",
  compare: "/compare/{base}...{head}",
  merges: "/merges",
  archive: "/{archive_format}{/ref}",
  downloads: "/downloads",
  issues: "/issues{/number}",
  pulls: "/pulls{/number}",
  milestones: "/milestones{/number}",
  notifications: "/notifications{?since,all,participating}",
  labels: "/labels{/name}",
  releases: "/releases{/id}",
  deployments: "/deployments",
};

export function userUrls(state: State, login: string): Record<string, string> {
  return links(`${state.apiUrl}/users/${login}`, `${state.webUrl}/${login}`, ofUser);
}

export function repositoryUrls(state: State, fullName: string): Record<string, string> {
  return links(`${state.apiUrl}/repos/${fullName}`, `${state.webUrl}/${fullName}`, ofRepository);
}

function links(
  url: string,
  page: string,
  suffixes: Record<string, string>,
): Record<string, string> {
  const urls: Record<string, string> = { url, html_url: page };
  for (const [name, suffix] of Object.entries(suffixes)) urls[`${name}_url`] = url + suffix;
  return urls;
}
