import { describe, expect, test } from "vitest";
import { forkOf } from "../harness/scenes.ts";
import { bodyOf, byToken, outcomeOf, served, useTokens } from "../harness/token-scene.ts";
import type { Job } from "../world/index.ts";

const onPullRequests = { event: ["pull_request"], ref: undefined };
const { bench, ask } = useTokens([
  byToken("on-pull-requests", onPullRequests),
  byToken("for-forks", { ...onPullRequests, forks: true }),
]);
const github = () => bench().world.github;
const calls = () => bench().asked.map(({ method, path }) => `${method} ${path}`);

const fork = () => github().repositoryWithId(999_001) ?? forkOf(bench());
/** A private repository can be set to give write tokens, and so these, to pull requests of forks. */
const pullRequest = (run: object = {}): Job =>
  bench().newJob({ run: { event: "pull_request", ref: "refs/pull/7/merge", ...run } }).job;

describe("whether a pull request is a fork's, no token tells: GitHub is asked by the token's run.", () => {
  test("A fork's has no role of a grant that is not for forks, though it has a token (G-01, O-05)", async () => {
    const client = await bench().client(pullRequest({ headRepository: fork() }));
    await bench().expectDenied(await ask(client, "on-pull-requests"), "fork", ["forks"]);
    expect(bench().records).toMatchObject([{ identity: { fork: true } }]);
  });

  test("One whose fork was deleted is a fork's (G-01, O-05)", async () => {
    const client = await bench().client(pullRequest({ headRepository: null }));
    await bench().expectDenied(await ask(client, "on-pull-requests"), "fork", ["forks"]);
  });

  test("The repository's own has it, for one call (O-05)", async () => {
    const job = pullRequest();
    const client = await bench().client(job);
    expect(outcomeOf(await ask(client, "on-pull-requests"))).toEqual(served);
    expect(calls()).toEqual([`GET /repos/acme/app/actions/runs/${job.run.id}`]);
    expect(bench().records).toMatchObject([{ identity: { fork: false } }]);
  });

  test("A grant that is for forks has nobody asked (O-05)", async () => {
    const client = await bench().client(pullRequest({ headRepository: fork() }));
    expect(outcomeOf(await ask(client, "for-forks"))).toEqual(served);
    expect(calls()).toEqual([]);
    expect(bench().records).toMatchObject([{ identity: { fork: null } }]);
  });

  test("Where something else does not fit, nobody is asked, and that alone is told (O-05)", async () => {
    const client = await bench().client(pullRequest({ headRepository: fork() }));
    const reply = await ask(client, "on-pull-requests", { repository_id: "1002" });
    await bench().expectDenied(reply, "no_grant", ["repository_id"]);
    expect(bodyOf(reply).detail).not.toContain("fork");
    expect(calls()).toEqual([]);
  });

  test("A run that is over has nothing, and one of another repository is no answer (O-05, O-09)", async () => {
    const job = pullRequest();
    const client = await bench().client(job);
    const other = github().api.transform(
      (run) => Object.assign(run["repository"] as object, { id: 1_002 }),
      { match: new RegExp(`/runs/${job.run.id}$`) },
    );
    await bench().expectDenied(await ask(client, "on-pull-requests"), "github_unavailable");
    other.remove();
    github().completeJob(job);
    await bench().expectDenied(await ask(client, "on-pull-requests"), "not_in_progress");
  });

  test.for([500, 403, 404])(
    "While GitHub answers %s, AWS is not asked (O-05, H-02)",
    async (status) => {
      const client = await bench().client(pullRequest());
      const fault = github().api.fault({ status });
      const reply = await ask(client, "on-pull-requests");
      fault.remove();
      const code = status === 404 ? "job_not_found" : "github_unavailable";
      await bench().expectDenied(reply, code);
      expect(outcomeOf(await ask(client, "on-pull-requests"))).toEqual(served);
    },
  );
});
