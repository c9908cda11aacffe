import assert from "node:assert/strict";
import { parseJob, parseRun } from "../../../src/core/github-answers.ts";
import { identify, selectJob } from "../../../src/core/identity.ts";
import { proveRef } from "../../../src/core/ref.ts";
import { Secret } from "../../../src/core/secret.ts";
import { RestFacts } from "../../../src/server/github/facts.ts";
import { GitHubRest } from "../../../src/server/github/rest.ts";
import { type Honest, ScriptedNetwork } from "../honest.ts";
import { type Target, unlessRefused } from "../target.ts";

const address = { repository: "acme/app", runId: 5_001, runAttempt: 1 };
const asked = { repository: "acme/app", run_id: 5_001, run_attempt: 1 };
const sha = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/** GitHub's REST API, of which one address gives what it is told to, not what GitHub would. */
function apiOf(honest: Honest, changed: RegExp): (input: Buffer) => RestFacts {
  let instead = Buffer.alloc(0);
  const network = new ScriptedNetwork(({ pathname }) => {
    if (changed.test(pathname)) return instead;
    if (pathname.endsWith("/jobs")) return honest.jobs;
    if (pathname.includes("/git/ref/")) return honest.branch;
    if (pathname.includes("/git/matching-refs/")) return honest.tags;
    if (pathname.includes("/git/tags/")) return honest.annotatedTag;
    return pathname.includes("/compare/") ? honest.comparison : honest.run;
  });
  const rest = new GitHubRest({
    apiUrl: "https://api.github.com",
    token: () => Promise.resolve(new Secret("token")),
    network,
    // Not a time: no answer is kept for the next input.
    now: () => Number.NaN,
  });
  const facts = new RestFacts(rest);
  return (input) => {
    instead = Buffer.from(input);
    network.asked.length = 0;
    return facts;
  };
}

/** Run and jobs: whoever is asking is the run asked for, its ids are ids, and it is in progress. */
export function openRun(honest: Honest): Target {
  return identified(honest, [honest.run], /\/runs\/5001$/);
}

export function openJobs(honest: Honest): Target {
  return identified(honest, [honest.jobs], /\/jobs$/);
}

function identified(honest: Honest, seeds: string[], path: RegExp): Target {
  const api = apiOf(honest, path);
  return {
    seeds,
    words: ["id", "run_id", "run_attempt", "status", "conclusion", "head_sha", "head_branch"]
      .concat("full_name", "repository", "head_repository", "event", "path", "jobs", "total_count")
      .concat("in_progress", "completed", "acme/app", "ACME/app", "deploy", "refs/heads/main")
      .concat("referenced_workflows", "triggering_actor", ".github/workflows/deploy.yml@x"),
    async run(input) {
      const facts = api(input);
      const codes = ["github_unavailable", "not_in_progress", "no_grant", "job_not_found"] as const;
      const identity = await unlessRefused([...codes, "job_ambiguous"], async () => {
        const run = parseRun((await facts.run(address, 0)).value);
        const jobs = (await facts.jobs(address, 0)).value.map(parseJob);
        return identify(run, selectJob(jobs, { id: 7_001 }), asked);
      });
      if (identity === undefined) return;
      const { repository, run, job, headSha, fork } = identity;
      assert.equal(repository.name.toLowerCase(), "acme/app");
      assert.deepEqual([run.id, run.attempt, job.id], [5_001, 1, 7_001]);
      assert(Number.isSafeInteger(repository.id) && repository.id > 0);
      assert.match(headSha, sha);
      assert.equal(typeof fork, "boolean");
    },
  };
}

/** Refs, annotated tags and comparisons: whatever a ref leads to is a commit, or there is none. */
export function openRefs(honest: Honest): Target {
  let count = 0;
  const ways = [
    { name: "main", api: apiOf(honest, /\/git\/ref\//) },
    { name: "main", api: apiOf(honest, /\/compare\//) },
    { name: "v1", api: apiOf(honest, /\/matching-refs\//) },
    { name: "v1", api: apiOf(honest, /\/git\/tags\//) },
  ];
  return {
    seeds: [honest.branch, honest.tags, honest.annotatedTag, honest.comparison],
    words: [
      "ref",
      "object",
      "sha",
      "type",
      "status",
      "commit",
      "tag",
      "tree",
      "refs/heads/main",
    ].concat("refs/tags/v1", "refs/tags/v", "ahead", "behind", "identical", "diverged", "../.."),
    async run(input) {
      const identity = identify(parseRun(JSON.parse(honest.run)), honestJob(honest), asked);
      for (const { name, api } of ways) {
        const facts = api(input);
        await unlessRefused(["github_unavailable", "ref_ambiguous"], async () => {
          const { value } = await facts.refs("acme/app", name, 0);
          for (const commit of [value.branch, value.tag])
            assert(commit === null || sha.test(commit));
          const proved = await proveRef({ ...identity, headBranch: name }, value, (tip) =>
            // What is known of two commits is kept.
            facts.compare("acme/app", tip, String(count++), 0),
          );
          assert([null, "refs/heads/main", "refs/heads/v1", "refs/tags/v1"].includes(proved));
        });
      }
    },
  };
}

function honestJob({ jobs }: Honest): ReturnType<typeof parseJob> {
  return parseJob((JSON.parse(jobs) as { jobs: unknown[] }).jobs[0]);
}
