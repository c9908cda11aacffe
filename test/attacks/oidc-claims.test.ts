import { describe, expect, test } from "vitest";
import type { Claims } from "../world/issuer/claims.ts";
import {
  byToken,
  calledWorkflow,
  outcomeOf,
  publicUrl,
  served,
  useTokens,
} from "../harness/token-scene.ts";

const onPullRequests = { event: ["pull_request", "pull_request_target"], ref: undefined };
const { bench, ask } = useTokens([
  byToken("default-events", { event: undefined }),
  byToken("on-pull-requests", onPullRequests),
  byToken("by-octocat", { actor: ["octocat"] }),
  byToken("with-ci", { reusable_workflow: [calledWorkflow] }),
  byToken("production", { environment: ["production"] }),
]);

/** What a token of this ref has that of main has in another way. */
function on(ref: string, type = "branch"): Claims {
  return { ref, ref_type: type, workflow_ref: `acme/app/${file}@${ref}` };
}

const file = ".github/workflows/deploy.yml";

interface Denial {
  claims: Claims;
  fields: string[];
  grant?: string;
  code?: string;
}

const denials: Record<string, Denial> = {
  "another repository of that name, though the subject is right (O-04, G-14)": {
    claims: { repository_id: "1002", sub: "repo:acme/app:ref:refs/heads/main" },
    fields: ["repository_id"],
  },
  "another workflow (O-04)": {
    claims: { workflow_ref: "acme/app/.github/workflows/test.yml@refs/heads/main" },
    fields: ["workflow"],
  },
  "a workflow of another ref (O-04, G-12)": {
    claims: { workflow_ref: `acme/app/${file}@refs/heads/evil` },
    fields: ["workflow"],
  },
  "a workflow of another repository (O-04, G-12)": {
    claims: { workflow_ref: `evil/app/${file}@refs/heads/main` },
    fields: ["workflow"],
  },
  "another branch, though the subject says main (O-04)": {
    claims: { ...on("refs/heads/dev"), sub: "repo:acme/app:ref:refs/heads/main" },
    fields: ["ref"],
  },
  "a branch whose name begins like the grant's (O-04)": {
    claims: on("refs/heads/main2"),
    fields: ["ref"],
  },
  "a branch in another case (O-04)": { claims: on("refs/heads/Main"), fields: ["ref"] },
  "a tag of the branch's name (O-12, G-03)": {
    claims: on("refs/tags/main", "tag"),
    fields: ["ref"],
  },
  "a branch that says it is a tag (O-12, G-03)": {
    claims: on("refs/heads/main", "tag"),
    fields: ["ref"],
  },
  "a pull request's ref (O-05)": { claims: on("refs/pull/7/merge"), fields: ["ref"] },
  "a pull request (O-05)": {
    claims: { event_name: "pull_request" },
    fields: ["event"],
    grant: "default-events",
  },
  "pull_request_target, whose ref is the default branch (O-05)": {
    claims: { event_name: "pull_request_target" },
    fields: ["forks"],
    grant: "default-events",
    code: "fork",
  },
  "pull_request_target in a grant for it, but for no forks (O-05)": {
    claims: { event_name: "pull_request_target" },
    fields: ["forks"],
    grant: "on-pull-requests",
    code: "fork",
  },
  "a reusable workflow that is not listed (O-14)": {
    claims: { job_workflow_ref: "other/ci/.github/workflows/x.yml@v1" },
    fields: ["reusable_workflow"],
  },
  "a listed one at another ref (O-14)": {
    claims: { job_workflow_ref: calledWorkflow.replace("main", "evil") },
    fields: ["reusable_workflow"],
    grant: "with-ci",
  },
  "a listed one by a commit that is not (O-14)": {
    claims: { job_workflow_ref: calledWorkflow.replace("refs/heads/main", "0".repeat(40)) },
    fields: ["reusable_workflow"],
    grant: "with-ci",
  },
  "a listed one, called by another workflow (O-14)": {
    claims: {
      job_workflow_ref: calledWorkflow,
      workflow_ref: "acme/app/.github/workflows/test.yml@refs/heads/main",
    },
    fields: ["workflow"],
    grant: "with-ci",
  },
  "a repository whose name begins like the run's (O-14)": {
    claims: { job_workflow_ref: "acme/app2/.github/workflows/x.yml@refs/heads/main" },
    fields: ["reusable_workflow"],
  },
  "another actor (G-07)": {
    claims: { actor: "mallory" },
    fields: ["actor"],
    grant: "by-octocat",
  },
  "no environment (G-19)": { claims: {}, fields: ["environment"], grant: "production" },
  "an environment in the subject alone (O-04, G-19)": {
    claims: { sub: "repo:acme/app:environment:production" },
    fields: ["environment"],
    grant: "production",
  },
  "another environment (G-19)": {
    claims: { environment: "staging" },
    fields: ["environment"],
    grant: "production",
  },
  "an environment in another case (G-19)": {
    claims: { environment: "Production" },
    fields: ["environment"],
    grant: "production",
  },
};
for (const event of ["issue_comment", "workflow_run", "repository_dispatch", "future", "PUSH"])
  denials[`the event ${event} (O-05)`] = {
    claims: { event_name: event },
    fields: ["event"],
    grant: "default-events",
  };

describe("each claim that a grant pins decides, without a call to GitHub:", () => {
  test.for(Object.entries(denials))("%s is denied", async ([, denial]) => {
    const { claims, fields, grant = "by-token", code = "no_grant" } = denial;
    const client = await bench().client();
    await bench().expectDenied(await ask(client, grant, claims), code, fields);
    expect(bench().asked).toEqual([]);
  });

  test("who ran a run again, no token tells: it is denied to whom the actor counts (O-05, G-07)", async () => {
    const { github } = bench().world;
    const mallory = { id: 666, login: "mallory", type: "User" } as const;
    const { job } = bench().newJob();
    const [again] = github.rerun(job.run, { triggeringActor: mallory }).jobs;
    const client = await bench().client(again ?? expect.unreachable());
    const reply = await ask(client, "by-octocat");
    await bench().expectDenied(reply, "no_grant", ["actor"]);
    expect(bench().records).toMatchObject([
      { identity: { actor: "octocat", triggering_actor: null } },
    ]);
    expect(outcomeOf(await ask(client, "by-token"))).toEqual(served);
  });
});

describe("the subject is never looked at: any is served, if the claims are right:", () => {
  test.for([
    "repo:acme/app:ref:refs/heads/main",
    "repo:acme@1/app@1001:ref:refs/heads/main",
    "repo:acme-app:environment:production:extra",
    "repo:evil@1/app@2:environment:x:y",
    "repo:evil/app:pull_request",
    "*",
    "",
  ])("%j (O-04)", async (sub) => {
    const client = await bench().client();
    expect(outcomeOf(await ask(client, "by-token", { sub }))).toEqual(served);
  });

  test("none at all (O-04)", async () => {
    const client = await bench().client();
    const all = bench().world.issuer.claims(bench().newJob().job, publicUrl);
    expect(all).toHaveProperty("sub");
    expect(outcomeOf(await ask(client, "by-token", { sub: undefined }))).toEqual(served);
  });
});
