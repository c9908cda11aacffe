import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { proofLine, pubkeyLine } from "../../src/core/announcement.ts";
import type { Code } from "../../src/core/errors.ts";
import { seal } from "../../src/core/seal.ts";
import { roleArn } from "../core/golden.ts";
import { Client, goldenGrant, type Reply, Stage } from "./broker.ts";

async function open(options = {}): Promise<{ stage: Stage; client: Client }> {
  const stage = await Stage.open(options);
  return { stage, client: await Client.of(stage) };
}

/** What a request came to: its code, the record of it, and how often AWS was asked. */
function outcome(stage: Stage, { json }: Reply): object {
  const record = stage.records().findLast(({ request_id: id }) => id === json.request_id);
  return { code: json.code, recorded: record?.code, sts: stage.world.sts.journal.length };
}

function denied(code: Code): object {
  return { code, recorded: code, sts: 0 };
}

describe("the golden case", () => {
  test("a job that announces its challenge gets the role, sealed to its key", async () => {
    const { stage, client } = await open();
    const reply = await client.obtain();
    expect(reply.status).toBe(200);
    expect(reply.json).toMatchObject({ grant: "app-deploy", request_id: expect.any(String) });
    const [issued] = stage.world.sts.issued;
    expect(await client.opened(reply)).toEqual({
      AccessKeyId: issued?.accessKeyId,
      SecretAccessKey: issued?.secretAccessKey,
      SessionToken: issued?.sessionToken,
      Expiration: reply.json.expiration,
      RenewalToken: expect.stringMatching(/^r1\./),
    });
    expect(stage.world.sts.assumed).toMatchObject([
      {
        roleArn,
        roleSessionName: "a2a-1001-5001-1-7001",
        externalId: "acme/app",
        durationSeconds: 900,
      },
    ]);
    expect(stage.records()).toMatchObject([
      {
        decision: "allowed",
        request_id: reply.json.request_id,
        access_key_id: issued?.accessKeyId,
        identity: { repository_id: 1_001, ref: "refs/heads/main", job_id: 7_001 },
      },
    ]);
  });

  test("T2, F-01: no secret is in answers, log or audit, and each goes to its own host", async () => {
    const { stage, client } = await open();
    const reply = await client.obtain();
    const refusal = await client.request("c1.x.x.x.x");
    const { github, sts } = stage.world;
    const seen = [reply.text, refusal.text, stage.logged(), JSON.stringify(stage.records())].join(
      "\n",
    );
    for (const secret of [
      github.token,
      github.session.cookie,
      "canary of a signing key",
      "canaryOfTheBroker",
      ...sts.issued.flatMap(({ secretAccessKey, sessionToken }) => [secretAccessKey, sessionToken]),
    ]) {
      expect(seen).not.toContain(secret);
    }
    expect(JSON.stringify(github.api.journal)).not.toContain(github.session.cookie);
    expect(JSON.stringify(github.web.journal)).not.toContain(github.token);
  });

  test("a step that ended after it announced is read in storage", async () => {
    const { stage, client } = await open();
    const { challenge, ticket } = await client.challenge();
    client.announce(challenge);
    stage.world.github.completeStep(stage.golden.job, "assume role");
    expect((await client.request(ticket)).status).toBe(200);
  });

  test("the job may be told by its runner or its name", async () => {
    const { client } = await open();
    expect((await client.obtain({ job: { runner_name: "GitHub Actions 12" } })).status).toBe(200);
    expect((await client.obtain({ job: { name: "deploy" } })).status).toBe(200);
  });

  test("G-15: another spelling of the repository is the same repository", async () => {
    const { stage, client } = await open();
    expect((await client.obtain({ repository: "ACME/App" })).status).toBe(200);
    expect(stage.world.sts.assumed).toMatchObject([
      { externalId: "acme/app", tags: { "github:repo": "acme/app" } },
    ]);
  });
});

describe("the proof", () => {
  test("is waited for, and found when it comes", async () => {
    const { client } = await open();
    const { challenge, ticket } = await client.challenge();
    const asked = client.request(ticket);
    await new Promise((resolve) => setTimeout(resolve, 700));
    client.announce(challenge);
    expect((await asked).status).toBe(200);
  });

  test(
    "that does not come is pending, and the same ticket passes later",
    { timeout: 30_000 },
    async () => {
      const { stage, client } = await open();
      const { challenge, ticket } = await client.challenge();
      const started = performance.now();
      const pending = await client.request(ticket);
      expect(performance.now() - started).toBeLessThan(12_000);
      expect(pending.status).toBe(409);
      expect(pending.headers.get("retry-after")).toBe("1");
      expect(outcome(stage, pending)).toEqual(denied("proof_pending"));
      client.announce(challenge);
      expect((await client.request(ticket)).status).toBe(200);
    },
  );

  test("L-01: in another step is none, whether or not the request names that step", async () => {
    const { stage, client } = await open();
    const { github } = stage.world;
    expect(await client.obtain()).toMatchObject({ status: 200 });
    github.addStep(stage.golden.job, { name: "lint" });
    const thief = await Client.of(stage);
    const { challenge, ticket } = await thief.challenge();
    github.say(stage.golden.job, "lint", `${proofLine(thief.publicKey, challenge)}\n`);
    const named = await thief.request(ticket, { step: "lint" });
    expect(named.json).toMatchObject({ code: "no_grant", fields: ["step"] });
    expect((await thief.request(ticket)).json.code).toBe("proof_ambiguous");
    expect(stage.world.sts.journal).toHaveLength(1);
  });

  test("L-02, L-04: in the step's header, or behind %0A, is none; and the honest one still passes", async () => {
    const { stage, client } = await open();
    const { github } = stage.world;
    const { job } = stage.golden;
    const thief = await Client.of(stage);
    const { challenge } = await thief.challenge();
    const evil = `ACTIONS2AWS PROOF: ${thief.publicKey} ${challenge}`;
    github.stepHeader(job, "assume role", {
      script: evil,
      env: { TITLE: `x\n##[endgroup]\n${evil}` },
    });
    github.say(job, "assume role", `##[group]x%0A${evil}\n::notice::x%0A${evil}\n`);
    expect(await client.obtain()).toMatchObject({ status: 200 });
  });

  test("L-07, L-16: beside another key's is refused", async () => {
    const { stage, client } = await open();
    const thief = await Client.of(stage);
    const theirs = await thief.challenge();
    const ours = await client.challenge();
    client.announce(ours.challenge);
    thief.announce(theirs.challenge);
    expect(outcome(stage, await client.request(ours.ticket))).toEqual(denied("proof_ambiguous"));
    expect(outcome(stage, await thief.request(theirs.ticket))).toEqual(denied("proof_ambiguous"));
  });

  test("L-07: in a step that failed is refused", async () => {
    const { stage, client } = await open();
    const { challenge, ticket } = await client.challenge();
    client.announce(challenge);
    stage.world.github.completeStep(stage.golden.job, "assume role", "failure");
    expect(outcome(stage, await client.request(ticket))).toEqual(denied("proof_invalid"));
  });

  test("the original's line alone is none", async () => {
    const { stage, client } = await open();
    const { ticket } = await client.challenge();
    stage.world.github.say(stage.golden.job, "assume role", `${pubkeyLine(client.publicKey)}\n`);
    stage.world.github.completeStep(stage.golden.job, "assume role");
    expect(outcome(stage, await client.request(ticket))).toEqual(denied("proof_invalid"));
  });
});

describe("L-15: who copies what is public", () => {
  test("gains nothing and spoils nothing", async () => {
    const { stage, client } = await open();
    const { challenge, ticket } = await client.challenge();
    client.announce(challenge);
    for (const stolen of [challenge, `${challenge}.x`, await seal(client.publicKey, ticket)]) {
      const reply = await client.request(stolen.slice(0, 512));
      expect(outcome(stage, reply)).toEqual(denied("challenge_invalid"));
    }
    expect((await client.request(ticket)).status).toBe(200);
  });

  test("and who has the ticket as well gets an answer that only the key opens", async () => {
    const { client } = await open();
    const { challenge, ticket } = await client.challenge();
    client.announce(challenge);
    const stolen = await client.request(ticket);
    const thief = await Client.of(client.stage);
    await expect(thief.opened(stolen)).rejects.toThrow(/cannot be opened/);
    expect(await client.opened(stolen)).toHaveProperty("SecretAccessKey");
    const { json } = await client.request(ticket, { public_key: thief.publicKey });
    expect(json.code).toBe("challenge_invalid");
  });

  test.each([
    ["another run", { run_id: 5_002 }],
    ["another attempt", { run_attempt: 2 }],
    ["another repository", { repository: "acme/other" }],
  ])("a ticket is not one for %s", async (_, change) => {
    const { stage, client } = await open({
      grants: goldenGrant.replace("acme/app", "acme/*").replace(/.*repository_id.*\n/, ""),
    });
    const { challenge, ticket } = await client.challenge();
    client.announce(challenge);
    expect(outcome(stage, await client.request(ticket, change))).toEqual(
      denied("challenge_invalid"),
    );
    expect((await client.request(ticket)).status).toBe(200);
  });
});

describe("H-12, F-06: one ticket, one session", () => {
  test("a hundred at once get one and the same answer, and so does who lost it", async () => {
    const { stage, client } = await open();
    const { challenge, ticket } = await client.challenge();
    client.announce(challenge);
    const replies = await Promise.all(Array.from({ length: 100 }, () => client.request(ticket)));
    const again = await client.request(ticket);
    expect(new Set([...replies, again].map(({ status, text }) => `${status} ${text}`)).size).toBe(
      1,
    );
    expect(again.status).toBe(200);
    expect(stage.world.sts.journal).toHaveLength(1);
    expect(stage.records()).toHaveLength(1);
  });

  test("it does not do for another role", async () => {
    const { stage, client } = await open({
      grants: goldenGrant.replace("role/app-deploy", "role/app-*"),
    });
    const { challenge, ticket } = await client.challenge();
    client.announce(challenge);
    expect((await client.request(ticket)).status).toBe(200);
    const other = await client.request(ticket, { role: `${roleArn}-2` });
    expect([other.status, other.json.code]).toEqual([403, "challenge_invalid"]);
    expect(stage.world.sts.assumed).toHaveLength(1);
    expect(await client.obtain({ role: `${roleArn}-2` })).toMatchObject({ status: 200 });
  });
});

describe("what GitHub says decides", () => {
  test.each<[string, Code, (stage: Stage) => void]>([
    [
      "G-01: a fork",
      "fork",
      ({ golden, world }) => {
        golden.run.headRepository = world.github.addRepository({
          owner: "mallory",
          forkOf: golden.repository,
        });
      },
    ],
    [
      "G-01: a deleted fork",
      "fork",
      ({ golden }) => {
        golden.run.headRepository = null;
      },
    ],
    [
      "G-02: a pull request from a branch called main",
      "no_grant",
      ({ golden }) => {
        golden.run.event = "pull_request";
      },
    ],
    [
      "G-03: a tag named like the branch",
      "ref_ambiguous",
      ({ golden }) => {
        golden.repository.tags.set("main", golden.run.headSha);
      },
    ],
    [
      "G-03: only a tag of that name",
      "no_grant",
      ({ golden }) => {
        golden.repository.tags.set("main", golden.run.headSha);
        golden.repository.branches.delete("main");
      },
    ],
    [
      "G-05: pull_request_target",
      "no_grant",
      ({ golden }) => {
        golden.run.event = "pull_request_target";
      },
    ],
    [
      "G-08: a run that was cancelled",
      "not_in_progress",
      ({ golden }) => {
        golden.attempt.status = "completed";
        golden.attempt.conclusion = "cancelled";
      },
    ],
    [
      "G-08: a job that is over",
      "not_in_progress",
      ({ golden }) => {
        golden.job.status = "completed";
        golden.job.conclusion = "success";
      },
    ],
    [
      "G-08: an attempt that was superseded",
      "not_in_progress",
      ({ golden, world }) => {
        world.github.rerun(golden.run);
      },
    ],
    [
      "G-12: another workflow",
      "no_grant",
      ({ golden }) => {
        golden.run.path = ".github/workflows/evil.yml";
      },
    ],
    [
      "G-14: a repository of another id",
      "no_grant",
      ({ golden }) => {
        golden.repository.id = 1_002;
      },
    ],
    [
      "G-14: a repository that was renamed",
      "no_grant",
      ({ golden, world }) => {
        world.github.rename(golden.repository, "renamed");
      },
    ],
    [
      "G-22: a branch that was deleted",
      "no_grant",
      ({ golden }) => {
        golden.repository.branches.delete("main");
      },
    ],
    [
      "G-22: a branch that was force-pushed",
      "no_grant",
      ({ golden, world }) => {
        golden.repository.branches.delete("main");
        world.github.push(golden.repository, "main", "other");
      },
    ],
    [
      "a job of another name",
      "no_grant",
      ({ golden }) => {
        golden.job.name = "deploy (2)";
      },
    ],
    [
      "a job that is not there",
      "job_not_found",
      ({ golden }) => {
        golden.attempt.jobs = [];
      },
    ],
    [
      "a run that is not there",
      "job_not_found",
      ({ world }) => {
        world.github.runs.length = 0;
      },
    ],
    [
      "H-02: GitHub in trouble",
      "github_unavailable",
      ({ world }) => {
        world.github.api.fault({ status: 500 });
      },
    ],
    ["F-03: GitHub's limit", "github_rate_limited", ({ world }) => world.github.exhaust()],
    [
      "F-02: the session has ended",
      "github_session_expired",
      ({ world }) => {
        world.github.session.state = "redirect";
      },
    ],
  ])("%s is %s", async (_, expected, change) => {
    const { stage, client } = await open();
    change(stage);
    const { challenge, ticket } = await client.challenge();
    if (stage.golden.step.status === "in_progress") client.announce(challenge);
    expect(outcome(stage, await client.request(ticket))).toEqual(denied(expected));
  });

  test("a branch that has moved on still has the run's commit", async () => {
    const { stage, client } = await open();
    stage.world.github.push(stage.golden.repository, "main", "later", "and later");
    expect(await client.obtain()).toMatchObject({ status: 200 });
  });

  test("H-09, A-01: for a repository or role that no grant has, GitHub is not asked", async () => {
    const { stage, client } = await open();
    expect(outcome(stage, await client.request("x", { repository: "evil/app" }))).toEqual(
      denied("no_grant"),
    );
    expect(
      outcome(stage, await client.request("x", { role: roleArn.replace("app-deploy", "admin") })),
    ).toEqual(denied("role_not_granted"));
    expect(outcome(stage, await client.request("x"))).toEqual(denied("challenge_invalid"));
    expect(stage.world.github.journal).toEqual([]);
    expect(await client.obtain()).toMatchObject({ status: 200 });
  });
});

describe("when AWS or the audit fails", () => {
  test("A-15: AWS's refusal is told without its words", async () => {
    const { stage, client } = await open();
    stage.world.sts.refuse("AccessDenied");
    const reply = await client.obtain();
    expect([reply.status, reply.json.code]).toEqual([502, "aws_denied"]);
    expect(reply.text).not.toMatch(/AssumeRole|arn:|User is not/);
    expect(stage.records()).toMatchObject([{ decision: "denied", code: "aws_denied" }]);
  });

  test("and the same ticket passes when it recovers", async () => {
    const { stage, client } = await open();
    const refusal = stage.world.sts.refuse("ExpiredToken");
    const { challenge, ticket } = await client.challenge();
    client.announce(challenge);
    expect((await client.request(ticket)).json.code).toBe("aws_unavailable");
    refusal.remove();
    expect((await client.request(ticket)).status).toBe(200);
  });

  test.skipIf(!existsSync("/dev/full"))(
    "F-07: with a full disk nothing is issued, and AWS not asked",
    async () => {
      const { stage, client } = await open({ auditFile: "/dev/full" });
      const reply = await client.obtain();
      expect([reply.status, reply.json.code]).toEqual([503, "audit_unavailable"]);
      expect(reply.headers.get("retry-after")).toBe("10");
      expect(reply.text).not.toContain("AGE ENCRYPTED");
      expect(stage.world.sts.journal).toEqual([]);
    },
  );
});
