import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Reply } from "../world/ask.ts";
import type { Claims } from "../world/issuer/claims.ts";
import { type JwtOverrides, signingKey } from "../world/issuer/keys.ts";
import { alone } from "../harness/alone.ts";
import { useBench } from "../harness/bench.ts";
import type { Body, Client } from "../harness/client.ts";
import { type Grant, grantLike, role, roleOf } from "../harness/config.ts";

const publicUrl = "https://broker.example.com";
/** A grant for tokens: it names neither a job, whose name they do not tell, nor a step. */
const byToken = (name: string, changes: Grant = {}): Grant =>
  grantLike(name, { proof: "oidc", job: undefined, step: undefined, ...changes });
const kinds = ["log", "oidc", "either", "both"] as const;
const ci = "acme/ci/.github/workflows/deploy.yml@refs/heads/main";

const grants = [
  ...kinds.map((proof) => byToken(`takes-${proof}`, { proof, step: ["assume role"] })),
  ...kinds.map((proof) => grantLike(`named-${proof}`, { proof })),
  byToken("by-token"),
  byToken("default-events", { event: undefined }),
  byToken("on-pull-requests", { event: ["pull_request", "pull_request_target"], ref: undefined }),
  byToken("by-octocat", { actor: ["octocat"] }),
  byToken("with-ci", { reusable_workflow: [ci] }),
  byToken("production", { environment: ["production"], proof: "either", step: ["assume role"] }),
  byToken("production-both", { environment: ["production"], proof: "both", step: ["assume role"] }),
  byToken("strange", {
    repository_id: 4_242,
    workflow: ".github/workflows/secret.yml",
    ref: "refs/heads/secret",
    event: ["schedule"],
    actor: ["hubot"],
    environment: ["vault"],
    max_duration: "15m",
  }),
];
const bench = useBench({ grants, settings: { public_url: publicUrl }, tokens: true });

const github = () => bench().world.github;
const sts = () => bench().world.sts;
const bodyOf = ({ json }: Reply): Body => json as Body;
const outcomeOf = (reply: Reply): unknown[] => [
  reply.status,
  bodyOf(reply).code,
  bodyOf(reply).fields ?? [],
];

/** The tokens of the test that runs, to be looked for where none may be. */
let shown: string[] = [];
beforeEach(() => {
  shown = [];
});
afterEach(() => {
  const { broker, records } = bench();
  const texts = [broker.stdout, broker.stderr, JSON.stringify(records)].join("\n");
  for (const part of shown.flatMap((token) => token.split(".")).filter((text) => text.length > 16))
    expect(texts.includes(part)).toBe(false);
});

function tokenOf(client: Client, claims: Claims = {}, overrides: JwtOverrides = {}): string {
  const token = client.token(publicUrl, claims, overrides);
  shown.push(token);
  return token;
}

/** Asks by token for a role of that name, and sees that the answer does not repeat it (O-18). */
async function ask(client: Client, name: string, claims: Claims = {}, more: object = {}) {
  const token = tokenOf(client, claims);
  const reply = await client.askByToken(token, { role: roleOf(name), ...more });
  expect(reply.text).not.toContain(token.split(".")[2]);
  return reply;
}

/**
 * Code and fields of a denial, seen to be whole: the status of its code, one record of it, nothing at
 * AWS, and the honest job served as before.
 */
async function denied(reply: Reply): Promise<[code: string | undefined, fields: string[]]> {
  const { code, fields = [], request_id } = bodyOf(reply);
  const statuses = { oidc_invalid: 401, job_not_found: 404, invalid_request: 400 };
  expect(reply.status).toBe(new Map(Object.entries(statuses)).get(code ?? "") ?? 403);
  expect(bench().records).toMatchObject([{ request_id, decision: "denied", code, fields }]);
  expect(sts().journal).toEqual([]);
  const honest = await bench().client();
  expect(outcomeOf(await ask(honest, "by-token"))).toEqual([200, undefined, []]);
  return [code, fields];
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
    expect(outcomeOf(reply)).toEqual([200, undefined, []]);
    expect(sts().assumed).toMatchObject([{ externalId: "acme/app" }]);
  });

  test("may have any subject: it is the claims that count (O-04)", async () => {
    const client = await bench().client();
    const sub = "repo:evil@1/app@2:environment:x:y";
    expect(outcomeOf(await ask(client, "by-token", { sub }))).toEqual([200, undefined, []]);
  });

  test("is known by it, whatever runner or name it gives besides", async () => {
    const client = await bench().client();
    const job = { runner_name: "GitHub Actions 1", name: "lint" };
    expect(outcomeOf(await ask(client, "by-token", {}, { job }))).toEqual([200, undefined, []]);
    expect(github().journal).toEqual([]);
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
    const reply = await client.askByToken(tokenOf(client), {
      role: roleOf(name),
      ...(given === "log" && { oidc_token: undefined }),
      ...(challenge && { ticket: challenge.ticket }),
    });
    const taken = takes[kind].includes(given);
    // Just this one field: by it the client knows that the other proof would do.
    expect(outcomeOf(reply)).toEqual(taken ? [200, undefined, []] : [403, "no_grant", ["proof"]]);
    expect(sts().assumed).toHaveLength(taken ? 1 : 0);
    expect(bench().records).toMatchObject([{ decision: taken ? "allowed" : "denied" }]);
    if (taken) await client.credentialsIn(reply);
  });

  test("a grant that wants a token alone and names no step is served though a ticket comes too", async () => {
    const client = await bench().client();
    const { ticket } = await client.challenge();
    const begun = performance.now();
    const reply = await ask(client, "by-token", {}, { ticket });
    expect(outcomeOf(reply)).toEqual([200, undefined, []]);
    expect(performance.now() - begun).toBeLessThan(4_000);
    expect(bench().records).toMatchObject([{ decision: "allowed", proof: "oidc" }]);
  });

  test("both are of one job: the log of another of the run is none beside the token (O-11)", async () => {
    const { job } = bench().newJob();
    const other = github().addJob(job.run, { name: "other" });
    github().addStep(other);
    github().completeStep(other, "assume role");
    const client = await bench().client(job);
    const challenge = await client.challenge();
    client.announce(challenge);
    const shows = (id: number, asked: object = { id }) =>
      client.askByToken(tokenOf(client, { check_run_id: String(id) }), {
        role: roleOf("takes-both"),
        ticket: challenge.ticket,
        job: asked,
      });
    // What the request calls its job only chooses where no token says which it is.
    for (const asked of [{ id: other.id }, { name: "deploy" }, { runner_name: job.runnerName }])
      expect(outcomeOf(await shows(other.id, asked))).toEqual([403, "proof_invalid", []]);
    const record = { decision: "denied", code: "proof_invalid" };
    expect(bench().records).toMatchObject([record, record, record]);
    expect(sts().journal).toEqual([]);
    expect(outcomeOf(await shows(job.id))).toEqual([200, undefined, []]);
  });

  test("both are of one repository by its id, though the names agree (G-14)", async () => {
    const client = await bench().client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const shows = (claims: Claims) =>
      ask(client, "takes-both", claims, { ticket: challenge.ticket });
    expect(outcomeOf(await shows({ repository_id: "1002" }))).toEqual([401, "oidc_invalid", []]);
    expect(bench().records).toMatchObject([{ decision: "denied", code: "oidc_invalid" }]);
    expect(sts().journal).toEqual([]);
    expect(outcomeOf(await shows({}))).toEqual([200, undefined, []]);
  });

  test("a wrong token beside a right log is refused, and so is a right one beside a wrong ticket", async () => {
    const client = await bench().client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const both = { role: roleOf("takes-either"), ticket: challenge.ticket };
    const stale = tokenOf(client, { exp: 1 });
    expect(outcomeOf(await client.askByToken(stale, both))).toEqual([401, "oidc_invalid", []]);
    const forged = { ...both, ticket: `${challenge.ticket.slice(0, -4)}AAAA` };
    expect(outcomeOf(await client.askByToken(tokenOf(client), forged))).toEqual([
      403,
      "challenge_invalid",
      [],
    ]);
    expect(sts().journal).toEqual([]);
    expect(outcomeOf(await client.askByToken(tokenOf(client), both))).toEqual([200, undefined, []]);
  });
});

describe("the claims decide, and GitHub is not even asked:", () => {
  const on = (ref: string, type = "branch"): Claims => ({
    ref,
    ref_type: type,
    workflow_ref: `acme/app/.github/workflows/deploy.yml@${ref}`,
  });
  const file = ".github/workflows/deploy.yml";
  const denials: Record<string, [claims: Claims, fields: string[], grant?: string, code?: string]> =
    {
      "another repository of that name, though the subject is right (O-04, G-14)": [
        { repository_id: "1002" },
        ["repository_id"],
      ],
      "another workflow": [
        { workflow_ref: "acme/app/.github/workflows/test.yml@refs/heads/main" },
        ["workflow"],
      ],
      "a workflow of another ref (G-12)": [
        { workflow_ref: `acme/app/${file}@refs/heads/evil` },
        ["workflow"],
      ],
      "a workflow of another repository (G-12)": [
        { workflow_ref: `evil/app/${file}@refs/heads/main` },
        ["workflow"],
      ],
      "another branch": [on("refs/heads/dev"), ["ref"]],
      "a branch whose name begins like the grant's": [on("refs/heads/main2"), ["ref"]],
      "a tag of the branch's name (G-03)": [on("refs/tags/main", "tag"), ["ref"]],
      "a branch that says it is a tag (G-03)": [on("refs/heads/main", "tag"), ["ref"]],
      "a pull request's ref": [on("refs/pull/7/merge"), ["ref"]],
      "a pull request (O-05)": [{ event_name: "pull_request" }, ["event"], "default-events"],
      "pull_request_target, whose ref is the default branch (O-05)": [
        { event_name: "pull_request_target" },
        ["forks"],
        "default-events",
        "fork",
      ],
      "pull_request_target in a grant that names the event, but no forks (O-05)": [
        { event_name: "pull_request_target" },
        ["forks"],
        "on-pull-requests",
        "fork",
      ],
      ...Object.fromEntries(
        ["issue_comment", "workflow_run", "repository_dispatch", "future_event", "PUSH"].map(
          (event) => [
            `the event ${event} (O-05)`,
            [{ event_name: event }, ["event"], "default-events"] as [Claims, string[], string],
          ],
        ),
      ),
      "a reusable workflow that is not listed (O-14)": [
        { job_workflow_ref: "other/ci/.github/workflows/x.yml@v1" },
        ["reusable_workflow"],
      ],
      "a listed one at another ref (O-14)": [
        { job_workflow_ref: ci.replace("main", "evil") },
        ["reusable_workflow"],
        "with-ci",
      ],
      "another actor": [{ actor: "mallory" }, ["actor"], "by-octocat"],
      "the right actor, who started what somebody ran again (G-07)": [
        { run_attempt: "2" },
        ["actor"],
        "by-octocat",
      ],
      "no environment (G-19)": [{}, ["environment"], "production"],
      "another environment": [{ environment: "staging" }, ["environment"], "production"],
      "an environment in another case": [
        { environment: "Production" },
        ["environment"],
        "production",
      ],
    };
  test.for(Object.entries(denials))("%s is denied", async ([, row]) => {
    const [claims, fields, grant = "by-token", code = "no_grant"] = row;
    const client = await bench().client();
    const more = claims.run_attempt === undefined ? {} : { run_attempt: 2 };
    const reply = await ask(client, grant, claims, more);
    expect(github().journal).toEqual([]);
    expect(await denied(reply)).toEqual([code, fields]);
  });

  test.for<[string, Claims, string]>([
    ["a listed reusable workflow (O-14)", { job_workflow_ref: ci }, "with-ci"],
    [
      "one of its own repository, which need not be listed",
      { job_workflow_ref: "acme/app/.github/workflows/x.yml@refs/heads/main" },
      "by-token",
    ],
    ["the environment that the grant names", { environment: "production" }, "production"],
    ["the actor whom the grant names, in any case", { actor: "OctoCat" }, "by-octocat"],
    ["an event that the grant names", { event_name: "workflow_dispatch" }, "by-token"],
    ["a pull request, where the grant says so", { event_name: "pull_request" }, "on-pull-requests"],
    ["an event of the default ones", { event_name: "schedule" }, "default-events"],
  ])("%s is served", async ([, claims, grant]) => {
    const client = await bench().client();
    expect(outcomeOf(await ask(client, grant, claims))).toEqual([200, undefined, []]);
    expect(github().journal).toEqual([]);
  });

  test("a run that somebody else ran again is denied to who pins the actor, and served to who does not (G-07)", async () => {
    const { job } = bench().newJob();
    const mallory = { id: 666, login: "mallory", type: "User" } as const;
    const [again] = github().rerun(job.run, { triggeringActor: mallory }).jobs;
    const client = await bench().client(again ?? expect.unreachable());
    expect(outcomeOf(await ask(client, "by-octocat"))).toEqual([403, "no_grant", ["actor"]]);
    expect(sts().journal).toEqual([]);
    expect(outcomeOf(await ask(client, "by-token"))).toEqual([200, undefined, []]);
    expect(bench().records).toMatchObject([
      { decision: "denied", identity: { actor: "octocat", triggering_actor: null } },
      { decision: "allowed" },
    ]);
  });

  test("a token of an attempt that is over is none for the next (O-11)", async () => {
    const { job } = bench().newJob();
    const client = await bench().client(job);
    const before = tokenOf(client);
    const [again] = github().rerun(job.run).jobs;
    const current = { run_attempt: 2, job: { id: again?.id } };
    const reply = await client.askByToken(before, { role: roleOf("by-token"), ...current });
    expect(await denied(reply)).toEqual(["oidc_invalid", []]);
  });
});

describe("a token that is not one for this request is none:", () => {
  const wrong: Record<string, (client: Client) => string | Promise<string>> = {
    "for another key (O-01)": async () => tokenOf(await bench().client()),
    "for another broker (O-01)": (client) =>
      tokenOf(client, { aud: `https://other.example.com#${client.publicKey}` }),
    "for another key in the audience's beginning (O-01)": (client) =>
      tokenOf(client, { aud: `${publicUrl}#${client.publicKey}x` }),
    "for others as well (O-01)": (client) =>
      tokenOf(client, { aud: [`${publicUrl}#${client.publicKey}`, "sts.amazonaws.com"] }),
    "for AWS (O-01)": (client) => tokenOf(client, { aud: "sts.amazonaws.com" }),
    "for the address that the broker listens on (O-01)": (client) =>
      tokenOf(client, { aud: `${bench().broker.url}#${client.publicKey}` }),
    "of another issuer (O-03)": (client) => tokenOf(client, { iss: "https://evil.example.com" }),
    "signed by nobody (O-02)": (client) =>
      tokenOf(client, {}, { header: { alg: "none" }, signature: "AA" }),
    "signed by another (O-02)": (client) =>
      tokenOf(client, {}, { key: { ...signingKey(8), kid: "simulated-key-1" } }),
    "signed by the key in its own header (O-02)": (client) =>
      tokenOf(client, {}, { key: signingKey(8), header: { jku: bench().world.issuer.url } }),
    "whose time is over (O-06)": (client) => tokenOf(client, { exp: Date.now() / 1_000 - 90 }),
    "that does not name its job (O-15)": (client) => tokenOf(client, { check_run_id: undefined }),
    "with numbers for ids (O-12)": (client) => tokenOf(client, { repository_id: 1_001 }),
    "of an empty environment (O-12)": (client) => tokenOf(client, { environment: "" }),
    "of four parts (O-13)": (client) => `${tokenOf(client)}.AAAA`,
    "of words": () => "not a token",
  };
  test.for(Object.entries(wrong))("%s", async ([, make]) => {
    const client = await bench().client();
    const reply = await client.askByToken(await make(client), { role: roleOf("by-token") });
    expect(github().journal).toEqual([]);
    expect(await denied(reply)).toEqual(["oidc_invalid", []]);
    expect(bodyOf(reply).detail).toMatch(/^The OIDC token is not accepted: [\w' ]+\.$/);
    expect(bench().records[0]).not.toHaveProperty("identity");
  });

  test.for<[string, object, string]>([
    ["another run (O-11)", { run_id: 4_242 }, "oidc_invalid"],
    ["another attempt (O-11)", { run_attempt: 2 }, "oidc_invalid"],
    ["another job (O-11)", { job: { id: 4_242 } }, "oidc_invalid"],
    ["a token over 8 KiB (O-13)", { oidc_token: "x".repeat(8_193) }, "invalid_request"],
    ["a list of tokens (H-07)", { oidc_token: ["x"] }, "invalid_request"],
    ["an empty token", { oidc_token: "" }, "invalid_request"],
  ])("in a request that names %s", async ([, change, code]) => {
    const client = await bench().client();
    expect(await denied(await ask(client, "by-token", {}, change))).toEqual([code, []]);
  });

  test("in a request for another repository that the grants name (O-11, G-26)", async () => {
    const other = byToken("of-another", { repository: "acme/other", repository_id: undefined });
    await bench().restart([...grants, other]);
    const client = await bench().client();
    const more = { repository: "acme/other" };
    expect(await denied(await ask(client, "of-another", {}, more))).toEqual(["oidc_invalid", []]);
    await bench().restart();
  });
});

describe("O-09: a token is good once:", () => {
  test("the same request sent 30 times gets one answer, for one call of AWS", async () => {
    const client = await bench().client();
    const token = tokenOf(client);
    const send = () => client.askByToken(token, { role: roleOf("by-token") });
    bench().repeated = 30;
    const replies = await Promise.all(Array.from({ length: 30 }, send));
    replies.push(await send());
    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    await client.credentialsIn(replies[0] ?? expect.unreachable());
    expect(sts().assumed).toHaveLength(1);
  });

  test.for<[string, object]>([
    ["another role", { role: roleOf("default-events") }],
    ["a longer time", { duration_seconds: 3_600 }],
  ])("it is none for %s", async ([, change]) => {
    const client = await bench().client();
    const token = tokenOf(client);
    const first = await client.askByToken(token, { role: roleOf("by-token") });
    expect(first.status).toBe(200);
    const second = await client.askByToken(token, { role: roleOf("by-token"), ...change });
    expect(outcomeOf(second)).toEqual([401, "oidc_invalid", []]);
    expect(sts().assumed).toHaveLength(1);
    const fresh = await client.askByToken(tokenOf(client), { role: roleOf("by-token"), ...change });
    expect(fresh.status).toBe(200);
  });

  test("who has stolen it gains nothing with a key of his own, and gets an answer that he can't open without", async () => {
    const [honest, thief] = [await bench().client(), await bench().client()];
    const token = tokenOf(honest);
    const { run, id } = bench().jobs[0]?.job ?? expect.unreachable();
    const stolen = { role: roleOf("by-token"), run_id: run.id, job: { id } };
    expect(outcomeOf(await thief.askByToken(token, stolen))).toEqual([401, "oidc_invalid", []]);
    const copied = { ...stolen, public_key: honest.publicKey };
    const reply = await thief.askByToken(token, copied);
    await expect(thief.credentialsIn(reply)).rejects.toThrow("no identity matched");
    bench().repeated = 1;
    const again = await honest.askByToken(token, { role: roleOf("by-token") });
    await expect(honest.credentialsIn(again)).resolves.toBeDefined();
    expect(sts().assumed).toHaveLength(1);
  });

  test("a refusal does not use it up", async () => {
    const client = await bench().client();
    const token = tokenOf(client, { actor: "mallory" });
    const send = (name: string) => client.askByToken(token, { role: roleOf(name) });
    expect(outcomeOf(await send("by-octocat"))).toEqual([403, "no_grant", ["actor"]]);
    expect(outcomeOf(await send("by-token"))).toEqual([200, undefined, []]);
  });
});

describe("a grant that pins the job's name, which no token tells,", () => {
  const paths = () => github().journal.map(({ method, path }) => `${method} ${path}`);

  test("has GitHub asked once, and the job found by the token's id", async () => {
    const job = bench().newJob({ job: { name: "test (3)" } });
    const client = await bench().client(job.job);
    const reply = await ask(client, "named-oidc", {}, { job: { name: "deploy" } });
    expect(outcomeOf(reply)).toEqual([200, undefined, []]);
    expect(paths()).toEqual([
      expect.stringMatching(
        new RegExp(`^GET /repos/acme/app/actions/runs/${job.job.run.id}/attempts/1/jobs\\?`),
      ),
    ]);
    expect(sts().assumed).toMatchObject([{ tags: { "github:job": "test =283=29" } }]);
    expect(bench().records).toMatchObject([{ identity: { job: "test (3)", job_id: job.job.id } }]);
  });

  test("is not for a job of another name, though one of that name runs beside it (G-10)", async () => {
    const job = bench().newJob({ job: { name: "lint" } });
    github().addJob(job.job.run, { name: "deploy" });
    const client = await bench().client(job.job);
    const reply = await ask(client, "named-oidc", {}, { job: { name: "deploy" } });
    expect(paths()).toHaveLength(1);
    expect(bodyOf(reply).detail).toContain(
      "job: the grant wants deploy or test (*), this run has lint",
    );
    expect(await denied(reply)).toEqual(["no_grant", ["job"]]);
  });

  test("is not for a job that GitHub does not have in this run", async () => {
    const client = await bench().client();
    const elsewhere = bench().newJob().job.id;
    const reply = await ask(
      client,
      "named-oidc",
      { check_run_id: String(elsewhere) },
      {
        job: { id: elsewhere },
      },
    );
    expect(reply.headers.get("retry-after")).toBe("2");
    expect(await denied(reply)).toEqual(["job_not_found", []]);
  });

  test("O-09: is not for a job that GitHub says is over, though the token still holds", async () => {
    const job = bench().newJob({ job: { name: "deploy" } });
    const client = await bench().client(job.job);
    github().completeJob(job.job);
    const reply = await ask(client, "named-oidc");
    expect(await denied(reply)).toEqual(["not_in_progress", []]);
  });

  test("costs no call where something else does not fit anyway, which alone is told", async () => {
    const client = await bench().client();
    const reply = await ask(client, "named-oidc", { event_name: "issues" });
    expect(paths()).toEqual([]);
    expect(await denied(reply)).toEqual(["no_grant", ["event"]]);
  });

  test.for([
    [500, "github_unavailable"],
    [403, "github_unavailable"],
  ] as const)("waits when GitHub answers %s, and AWS is not asked", async ([status]) => {
    const client = await bench().client();
    const fault = github().api.fault({ status });
    const reply = await ask(client, "named-oidc");
    fault.remove();
    expect(reply.status).toBe(503);
    expect(bodyOf(reply).code).toMatch(/^github_/);
    expect(sts().journal).toEqual([]);
    expect(outcomeOf(await ask(client, "named-oidc"))).toEqual([200, undefined, []]);
  });
});

describe("what does not fit is told with its values (H-15)", () => {
  test("to a job that has shown its token", async () => {
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

  test("never to who has shown the log alone, or a token that is not accepted", async () => {
    const client = await bench().client();
    const byLog = await client.attempt({ role: roleOf("production"), duration_seconds: 7_200 });
    expect(outcomeOf(byLog)).toEqual([403, "no_grant", ["environment", "max_duration"]]);
    const forged = tokenOf(client, {}, { key: signingKey(8) });
    const byForgery = await client.askByToken(forged, { role: roleOf("strange") });
    expect(outcomeOf(byForgery)).toEqual([401, "oidc_invalid", []]);
    for (const { text } of [byLog, byForgery])
      expect(text).not.toMatch(/production|secret|vault|hubot|4242|3600|strange/);
  });
});

describe("the environment that a token proves (G-19)", () => {
  test("counts beside the log proof, and is in the record with what GitHub says of the job", async () => {
    const client = await bench().client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const asked = { ticket: challenge.ticket };
    const reply = await ask(client, "production-both", { environment: "production" }, asked);
    expect(outcomeOf(reply)).toEqual([200, undefined, []]);
    expect(bench().records).toMatchObject([
      { proof: "both", identity: { environment: "production", job: "deploy" } },
    ]);
  });

  test("is not proved by the log, whatever the job says of itself", async () => {
    const job = bench().newJob({ job: { environment: "production" } });
    const client = await bench().client(job.job);
    const reply = await client.attempt({ role: roleOf("production") });
    expect(await denied(reply)).toEqual(["no_grant", ["environment"]]);
  });
});

test("the grants that want the log go on being served by it", async () => {
  await bench().expectGolden();
  expect(bench().records).toMatchObject([{ decision: "allowed", proof: "log", role }]);
});

test(
  "an issuer out of order at the start is waited for, and AWS is not asked (O-07)",
  alone(
    async (own) => {
      const fault = own.world.issuer.fault({ status: 500 });
      const client = await own.client();
      const send = () => client.askByToken(client.token(publicUrl), { role: roleOf("by-token") });
      const waiting = await send();
      expect([waiting.status, bodyOf(waiting).code]).toEqual([503, "github_unavailable"]);
      expect(waiting.headers.get("retry-after")).toBe("5");
      expect(own.world.sts.journal).toEqual([]);
      fault.remove();
      await expect
        .poll(async () => (await send()).status, { interval: 300, timeout: 5_000 })
        .toBe(200);
    },
    { grants, settings: { public_url: publicUrl }, tokens: true },
  ),
);
