import { createPrivateKey } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ask } from "./ask.ts";
import { sha, startWorld, type World } from "./index.ts";
import { signJwt } from "./issuer/keys.ts";
import { GitHubDescription } from "./openapi.ts";

let world: World;
let headers: { authorization: string };
const description = new GitHubDescription();

beforeAll(async () => {
  world = await startWorld();
  const { github } = world;
  headers = { authorization: `Bearer ${github.token}` };
  const { repository } = github.golden();
  repository.tags.set("v1", sha("tag object of v1"));
  repository.tagObjects.set(sha("tag object of v1"), sha("1001 second"));
  repository.branches.set("main-2", sha("1001 first"));
  github.addRepository({ owner: "someone", id: 1_002, forkOf: repository, private: false });
  const bare = {
    id: 5_002,
    name: null,
    headBranch: null,
    pullRequests: null,
    referencedWorkflows: null,
    status: null,
  } as const;
  const nobody = {
    runnerId: null,
    runnerName: null,
    runnerGroupId: null,
    runnerGroupName: null,
    status: "queued",
  } as const;
  github.rerun(github.matrix({ jobs: 3, run: bare, job: nobody }).run);
});
afterAll(() => world.close());

const repo = "/repos/{owner}/{repo}";

test.each([
  ["/repos/acme/app", repo],
  ["/repos/someone/app", repo],
  ["/repos/acme/app/actions/runs/5001", `${repo}/actions/runs/{run_id}`],
  ["/repos/acme/app/actions/runs/5002", `${repo}/actions/runs/{run_id}`],
  [
    "/repos/acme/app/actions/runs/5002/attempts/1",
    `${repo}/actions/runs/{run_id}/attempts/{attempt_number}`,
  ],
  ["/repos/acme/app/actions/runs?status=in_progress", `${repo}/actions/runs`],
  ["/repos/acme/app/actions/runs/5001/jobs", `${repo}/actions/runs/{run_id}/jobs`],
  [
    "/repos/acme/app/actions/runs/5002/attempts/1/jobs",
    `${repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs`,
  ],
  ["/repos/acme/app/actions/jobs/7001", `${repo}/actions/jobs/{job_id}`],
  ["/repos/acme/app/git/ref/heads/main", `${repo}/git/ref/{ref}`],
  ["/repos/acme/app/git/ref/tags/v1", `${repo}/git/ref/{ref}`],
  ["/repos/acme/app/git/matching-refs/heads/ma", `${repo}/git/matching-refs/{ref}`],
  ["/repos/acme/app/git/matching-refs/tags/none", `${repo}/git/matching-refs/{ref}`],
  [`/repos/acme/app/git/tags/${sha("tag object of v1")}`, `${repo}/git/tags/{tag_sha}`],
  ["/repos/acme/app/compare/main-2...main", `${repo}/compare/{basehead}`],
  ["/repos/acme/app/commits/main", `${repo}/commits/{ref}`],
  ["/rate_limit", "/rate_limit"],
])("GET %s is as GitHub's OpenAPI description has it", async (path, described) => {
  const { status, json } = await ask(world.github.apiUrl + path, headers);
  expect(status).toBe(200);
  expect(description.faults("get", described, 200, json)).toEqual([]);
});

test("so are a GitHub App's answers", async () => {
  const { apiUrl } = world.github;
  const { app, privateKey } = world.github.installApp();
  const now = Math.floor(Date.now() / 1_000);
  const jwt = signJwt(
    { iss: app.id, iat: now - 60, exp: now + 540 },
    { kid: "app", privateKey: createPrivateKey(privateKey) },
  );
  const authorization = `Bearer ${jwt}`;
  const list = await ask(`${apiUrl}/app/installations`, { authorization });
  // The list's own schema demands that an account be a user AND an enterprise; the component has it right.
  expect(description.faultsOf("installation", Object(list.json)[0])).toEqual([]);
  const found = await ask(`${apiUrl}/repos/acme/app/installation`, { authorization });
  expect(description.faults("get", `${repo}/installation`, 200, found.json)).toEqual([]);
  const token = await ask(
    `${apiUrl}/app/installations/3001/access_tokens`,
    { authorization },
    { method: "POST" },
  );
  expect(
    description.faults(
      "post",
      "/app/installations/{installation_id}/access_tokens",
      201,
      token.json,
    ),
  ).toEqual([]);
});

test.each([
  ["no token", "/repos/acme/app", {}, 401],
  ["a wrong token", "/repos/acme/app", { authorization: "Bearer ghp_wrong" }, 401],
  ["an unknown repository", "/repos/acme/none", undefined, 404],
  ["an unknown run", "/repos/acme/app/actions/runs/1", undefined, 404],
  ["an unknown job", "/repos/acme/app/actions/jobs/1", undefined, 404],
  ["an unknown ref", "/repos/acme/app/git/ref/heads/none", undefined, 404],
  ["an unknown commit", `/repos/acme/app/commits/${sha("none")}`, undefined, 422],
  [
    "an unknown side of a comparison",
    `/repos/acme/app/compare/main...${sha("none")}`,
    undefined,
    404,
  ],
  ["a path that is no route", "/repos/acme/app/nothing/here", undefined, 404],
])("%s is refused in GitHub's words", async (_, path, other, expected) => {
  const { status, json } = await ask(world.github.apiUrl + path, other ?? headers);
  expect(status).toBe(expected);
  expect(json).toEqual({
    message: expect.any(String),
    documentation_url: expect.stringContaining("https://docs.github.com/"),
    status: String(expected),
  });
  expect(description.faultsOf("basic-error", json)).toEqual([]);
});

describe("the check itself finds", () => {
  test.each([
    ["what is missing", { labels: undefined }, [".labels: missing"]],
    ["a wrong type", { id: "7001" }, [".id: string instead of integer"]],
    ["a null that may not be", { name: null }, [".name: null"]],
    [
      "a value out of the enumeration",
      { status: "running" },
      [".status: running is not in the enumeration"],
    ],
    ["a wrong time", { started_at: "now" }, [".started_at: not a time: now"]],
  ])("%s", async (_, change, faults) => {
    const { json } = await ask(`${world.github.apiUrl}/repos/acme/app/actions/jobs/7001`, headers);
    const changed: unknown = JSON.parse(JSON.stringify({ ...Object(json), ...change }));
    expect(description.faultsOf("job", changed)).toEqual(faults);
  });
});
