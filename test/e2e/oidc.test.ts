import { describe, expect, test } from "vitest";
import type { Reply } from "../world/ask.ts";
import type { Claims } from "../world/issuer/claims.ts";
import { useBench } from "../harness/bench.ts";
import type { Client } from "../harness/client.ts";
import { grantLike, role, roleOf } from "../harness/config.ts";
import {
  bodyOf,
  byToken,
  calledWorkflow,
  outcomeOf,
  publicUrl,
  served,
  tokenBench,
} from "../harness/token-scene.ts";

const kinds = ["log", "oidc", "either", "both"] as const;
const step = { step: ["assume role"] };
const bench = useBench(
  tokenBench([
    ...kinds.map((proof) => byToken(`takes-${proof}`, { proof, ...step })),
    ...kinds.map((proof) => grantLike(`named-${proof}`, { proof })),
    byToken("default-events", { event: undefined }),
    byToken("for-forks", { event: ["pull_request"], ref: undefined, forks: true }),
    byToken("by-octocat", { actor: ["octocat"] }),
    byToken("with-ci", { reusable_workflow: [calledWorkflow] }),
    byToken("production", { environment: ["production"], proof: "either", ...step }),
    byToken("production-both", { environment: ["production"], proof: "both", ...step }),
    byToken("strange", {
      repository_id: 4_242,
      workflow: ".github/workflows/secret.yml",
      ref: "refs/heads/secret",
      event: ["schedule"],
      actor: ["hubot"],
      environment: ["vault"],
      max_duration: "15m",
    }),
  ]),
);

const github = () => bench().world.github;
const sts = () => bench().world.sts;

/** Asks by token for a role of that name. */
function ask(client: Client, name: string, claims: Claims = {}, more: object = {}): Promise<Reply> {
  return client.askByToken(client.token(publicUrl, claims), { role: roleOf(name), ...more });
}

describe("a job that shows a token", () => {
  test("gets its role, sealed to its key, without a call to GitHub, and the record says by what", async () => {
    const client = await bench().client();
    const { run, id } = bench().jobs[0]?.job ?? expect.unreachable();
    const reply = await ask(client, "by-token", {}, { duration_seconds: 1_800 });
    const [issued] = sts().issued;
    expect(await client.credentialsIn(reply)).toEqual({
      AccessKeyId: issued?.accessKeyId,
      SecretAccessKey: issued?.secretAccessKey,
      SessionToken: issued?.sessionToken,
      Expiration: issued?.expiration,
      RenewalToken: expect.stringMatching(/^r1\./),
    });
    expect(github().journal).toEqual([]);
    expect(sts().assumed).toMatchObject([
      {
        roleArn: roleOf("by-token"),
        roleSessionName: `a2a-1001-${run.id}-1-${id}`,
        externalId: "acme/app",
        durationSeconds: 1_800,
        tags: {
          "github:jobId": String(id),
          "github:runId": String(run.id),
          "github:run": String(run.runNumber),
          "github:commit": run.headSha,
          "github:repo": "acme/app",
        },
      },
    ]);
    expect(bench().records).toMatchObject([
      {
        decision: "allowed",
        grant: "by-token",
        proof: "oidc",
        access_key_id: issued?.accessKeyId,
        identity: {
          repository: "acme/app",
          repository_id: 1_001,
          run_id: run.id,
          run_attempt: 1,
          job_id: id,
          job: null,
          workflow: ".github/workflows/deploy.yml",
          ref: "refs/heads/main",
          sha: run.headSha,
          event: "push",
          triggering_actor: "octocat",
        },
      },
    ]);
  });

  test("may spell the repository in another case, and its tags are in GitHub's (G-15)", async () => {
    const client = await bench().client();
    const reply = await ask(client, "by-token", {}, { repository: "ACME/App" });
    expect(outcomeOf(reply)).toEqual(served);
    expect(sts().assumed).toMatchObject([{ externalId: "acme/app" }]);
  });
});

describe("which proofs a grant takes:", () => {
  const proofs = ["log", "oidc", "both"] as const;
  const takes: Record<(typeof kinds)[number], readonly string[]> = {
    log: ["log", "both"],
    oidc: ["oidc", "both"],
    either: ["log", "oidc", "both"],
    both: ["both"],
  };
  const rows = ["takes", "named"].flatMap((name) =>
    kinds.flatMap((kind) => proofs.map((given) => [`${name}-${kind}`, kind, given] as const)),
  );

  test.for(rows)("%s, which wants %s, shown %s", async ([name, kind, given]) => {
    const client = await bench().client();
    const challenge = given === "oidc" ? null : await client.challenge();
    if (challenge) client.announce(challenge);
    const reply = await client.askByToken(client.token(publicUrl), {
      role: roleOf(name),
      ...(given === "log" && { oidc_token: undefined }),
      ...(challenge && { ticket: challenge.ticket }),
    });
    const taken = takes[kind].includes(given);
    // Just this one field: by it the client knows that the other proof would do.
    expect(outcomeOf(reply)).toEqual(taken ? served : [403, "no_grant", ["proof"]]);
    expect(sts().assumed).toHaveLength(taken ? 1 : 0);
    expect(bench().records).toMatchObject([{ decision: taken ? "allowed" : "denied" }]);
    if (taken) await client.credentialsIn(reply);
  });

  test("a grant that wants a token alone and names no step is served though a ticket comes too", async () => {
    const client = await bench().client();
    const { ticket } = await client.challenge();
    const begun = performance.now();
    const reply = await ask(client, "by-token", {}, { ticket });
    expect(outcomeOf(reply)).toEqual(served);
    expect(performance.now() - begun).toBeLessThan(7_000);
    expect(bench().records).toMatchObject([{ decision: "allowed", proof: "oidc" }]);
  });
});

describe("the claims decide, and GitHub is not even asked:", () => {
  test.for<[string, Claims, string]>([
    ["a listed reusable workflow (O-14)", { job_workflow_ref: calledWorkflow }, "with-ci"],
    [
      "one of its own repository, which need not be listed",
      { job_workflow_ref: "acme/app/.github/workflows/x.yml@refs/heads/main" },
      "by-token",
    ],
    ["the environment that the grant names", { environment: "production" }, "production"],
    ["the actor whom the grant names, in any case", { actor: "OctoCat" }, "by-octocat"],
    ["an event that the grant names", { event_name: "workflow_dispatch" }, "by-token"],
    ["a pull request, where forks may have the role", { event_name: "pull_request" }, "for-forks"],
    ["an event of the default ones", { event_name: "schedule" }, "default-events"],
  ])("%s is served", async ([, claims, grant]) => {
    const client = await bench().client();
    expect(outcomeOf(await ask(client, grant, claims))).toEqual(served);
    expect(github().journal).toEqual([]);
  });
});

test("a grant that pins the job's name, which no token tells, has GitHub asked once, and the job found by the token's id", async () => {
  const job = bench().newJob({ job: { name: "test (3)" } });
  const client = await bench().client(job.job);
  const reply = await ask(client, "named-oidc", {}, { job: { name: "deploy" } });
  expect(outcomeOf(reply)).toEqual(served);
  expect(github().journal.map(({ method, path }) => `${method} ${path}`)).toEqual([
    expect.stringMatching(
      new RegExp(`^GET /repos/acme/app/actions/runs/${job.job.run.id}/attempts/1/jobs\\?`),
    ),
  ]);
  expect(sts().assumed).toMatchObject([{ tags: { "github:job": "test =283=29" } }]);
  expect(bench().records).toMatchObject([{ identity: { job: "test (3)", job_id: job.job.id } }]);
});

test("what does not fit is told with its values to a job that has shown its token (H-15)", async () => {
  const client = await bench().client();
  const reply = await ask(client, "strange", {}, { duration_seconds: 3_600 });
  const fields = [
    "repository_id",
    "workflow",
    "ref",
    "event",
    "actor",
    "environment",
    "max_duration",
  ];
  expect(outcomeOf(reply)).toEqual([403, "no_grant", fields]);
  expect(bodyOf(reply).detail).toBe(
    "The grant strange does not fit. " +
      [
        "repository_id: the grant wants 4242, this run has 1001",
        "workflow: the grant wants .github/workflows/secret.yml, this run has .github/workflows/deploy.yml",
        "ref: the grant wants refs/heads/secret, this run has refs/heads/main",
        "event: the grant wants schedule, this run has push",
        "actor: the grant wants hubot, this run has octocat",
        "environment: the grant wants vault, this run has no proved environment",
        "max_duration: the grant wants at most 900 s, this run has 3600 s asked for",
      ].join("; ") +
      ".",
  );
});

test("the environment that a token proves counts beside the log proof, and is in the record with what GitHub says of the job", async () => {
  const client = await bench().client();
  const challenge = await client.challenge();
  client.announce(challenge);
  const asked = { ticket: challenge.ticket };
  const reply = await ask(client, "production-both", { environment: "production" }, asked);
  expect(outcomeOf(reply)).toEqual(served);
  expect(bench().records).toMatchObject([
    { proof: "both", identity: { environment: "production", job: "deploy" } },
  ]);
});

test("the grants that want the log go on being served by it", async () => {
  await bench().expectGolden();
  expect(bench().records).toMatchObject([{ decision: "allowed", proof: "log", role }]);
});
