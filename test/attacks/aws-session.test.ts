import { afterEach, describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import type { Body } from "../harness/client.ts";
import { grantLike, roleOf } from "../harness/config.ts";
import { repositoryOf } from "../harness/scenes.ts";

const policy = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::app/*" }],
};
const bench = useBench({
  attacks: true,
  grants: [
    grantLike("short", { max_duration: "15m" }),
    grantLike("long", { max_duration: "12h" }),
    grantLike("narrowed", { ref: undefined, session_policy: policy }),
    grantLike("underscore", { repository: "a_b/c", repository_id: 41 }),
    grantLike("slash", { repository: "a/b_c", repository_id: 42 }),
    grantLike("largest", { repository: "acme/largest", repository_id: 999_999_999_999_999 }),
  ],
});
const sts = () => bench().world.sts;
const sessions = (): string[] => sts().assumed.map(({ roleSessionName }) => roleSessionName);
const durations = () => sts().assumed.map(({ durationSeconds }) => durationSeconds);

describe("The session's name is made of GitHub's ids (A-07):", () => {
  test("two repositories whose names are one without their punctuation have two", async () => {
    const { github } = bench().world;
    const repositories = [
      github.addRepository({ owner: "a_b", name: "c", id: 41 }),
      github.addRepository({ owner: "a", name: "b_c", id: 42 }),
    ];
    const jobs = repositories.map((repository) => {
      github.push(repository, "main", `first of ${repository.id}`);
      return bench().newJob({ repository }).job;
    });
    for (const [index, name] of ["underscore", "slash"].entries())
      await (await bench().client(jobs[index])).obtain({ role: roleOf(name) });
    expect(sessions()).toEqual(
      jobs.map(({ run, id }) => `a2a-${run.repository.id}-${run.id}-1-${id}`),
    );
  });

  test("two jobs of a run have two, and so have two attempts of a job", async () => {
    const { github } = bench().world;
    const { job } = bench().newJob();
    const other = github.addJob(job.run, { name: "test (1)" });
    for (const one of [job, other]) await (await bench().client(one)).obtain();
    github.rerun(job.run);
    const again = job.run.attempts.at(-1)?.jobs[0];
    if (again === undefined) throw new Error("a rerun has jobs");
    again.status = "in_progress";
    await (await bench().client(again)).obtain();
    const run = `a2a-1001-${job.run.id}`;
    expect(sessions()).toEqual([
      `${run}-1-${job.id}`,
      `${run}-1-${other.id}`,
      `${run}-2-${again.id}`,
    ]);
  });

  test("the largest ids fit into it whole", async () => {
    const { github } = bench().world;
    const repository = repositoryOf(bench(), "largest", 999_999_999_999_999);
    const run = github.addRun(repository, { id: 999_999_999_999_998 });
    const job = github.addJob(run, { id: 999_999_999_999_997 });
    await (await bench().client(job)).obtain({ role: roleOf("largest") });
    expect(sessions()).toEqual(["a2a-999999999999999-999999999999998-1-999999999999997"]);
  });
});

describe("A session lasts", () => {
  afterEach(() => {
    sts().chained = false;
    sts().roles.clear();
  });

  const served: [name: string, asked: number | undefined, lasts: number][] = [
    ["long", undefined, 900],
    ["short", undefined, 900],
    ["short", 900, 900],
    ["long", 901, 901],
    ["long", 43_200, 43_200],
  ];
  test.for(served)(
    "with the grant %s, asked for %s s, %s s (A-08, A-16)",
    async ([name, asked, lasts]) => {
      await (await bench().client()).obtain({ role: roleOf(name), duration_seconds: asked });
      expect(durations()).toEqual([lasts]);
    },
  );

  test.for([
    ["short", 901],
    ["app-deploy", 3_601],
    ["app-deploy", 43_200],
  ] as const)(
    "no longer than the grant %s allows: %s s are refused (A-08)",
    async ([name, asked]) => {
      const change = { role: roleOf(name), duration_seconds: asked };
      const denied = await (await bench().client()).attempt(change);
      expect(denied.status).toBe(403);
      await bench().expectDenied(denied, "no_grant", ["max_duration"]);
    },
  );

  test.for([
    899,
    0,
    -1,
    -900,
    43_201,
    1e9,
    1e300,
    900.5,
    "900",
    "1h",
    "",
    "0x384",
    [900],
    {},
    true,
    null,
  ])("no time that is none: %j is refused (A-08)", async (asked) => {
    const change = { role: roleOf("long"), duration_seconds: asked };
    const denied = await (await bench().client()).attempt(change);
    expect(denied.status).toBe(400);
    await bench().expectDenied(denied, "invalid_request");
  });

  test("an hour at most where the broker runs on a role itself: more is aws_denied, in one call (A-08)", async () => {
    sts().chained = true;
    const asked = { role: roleOf("long"), duration_seconds: 3_601 };
    const { json } = await (await bench().client()).attempt(asked);
    expect(json).toMatchObject({
      code: "aws_denied",
      detail: expect.stringContaining("longest session"),
    });
    expect(durations()).toEqual([3_601]);
    await (await bench().client()).obtain({ ...asked, duration_seconds: 3_600 });
  });

  test("no longer than the role itself allows, and nothing shorter is asked for instead (A-08)", async () => {
    sts().roles.set(roleOf("long"), { maxSessionDuration: 7_200 });
    const asked = { role: roleOf("long"), duration_seconds: 10_800 };
    const { json } = await (await bench().client()).attempt(asked);
    expect(json).toMatchObject({ code: "aws_denied" });
    expect(durations()).toEqual([10_800]);
  });
});

describe("The session policy is the grant's text, and nothing of the run's (A-10):", () => {
  const branches = [`x","Resource":"*`, "*", "${aws:username}", `\\"}]}`, "main"];
  test.for(branches)("on a branch called %s", async (headBranch) => {
    const { job } = bench().newJob({ run: { headBranch }, job: {} });
    await (await bench().client(job)).obtain({ role: roleOf("narrowed") });
    expect(sts().assumed.map((it) => it.policy)).toEqual([JSON.stringify(policy)]);
  });

  test("one that AWS refuses is not left out (A-10)", async () => {
    const body = `<ErrorResponse><Error><Type>Sender</Type><Code>MalformedPolicyDocument</Code><Message>canary</Message></Error></ErrorResponse>`;
    const fault = sts().fault({ status: 400, body });
    const { json } = await (await bench().client()).attempt({ role: roleOf("narrowed") });
    fault.remove();
    expect(json).toMatchObject({ code: "aws_denied" });
    expect(sts().assumed.map((it) => it.policy)).toEqual([JSON.stringify(policy)]);
    bench().lostAnswers = sts().issued.length;
  });
});

test("CloudTrail, the audit and the answer tell of one run, job and key, at first and at each renewal (A-17)", async () => {
  const { job } = bench().newJob();
  const client = await bench().client(job);
  const first = await client.attempt();
  const { AccessKeyId: firstKey, RenewalToken } = await client.credentialsIn(first);
  const second = await client.renew(RenewalToken);
  const { AccessKeyId: secondKey } = await client.credentialsIn(second);
  const session = `a2a-1001-${job.run.id}-1-${job.id}`;
  expect(sts().assumed).toMatchObject(
    [1, 2].map(() => ({
      roleSessionName: session,
      tags: { "github:runId": String(job.run.id), "github:jobId": String(job.id) },
    })),
  );
  expect(sts().issued.map(({ accessKeyId }) => accessKeyId)).toEqual([firstKey, secondKey]);
  expect(bench().records).toMatchObject(
    [first, second].map((reply, index) => ({
      request_id: (reply.json as Body).request_id,
      session_name: session,
      access_key_id: [firstKey, secondKey][index],
      expiration: (reply.json as Body).expiration,
      role: sts().assumed[index]?.roleArn,
      tags: sts().assumed[index]?.tags,
      identity: {
        repository_id: 1_001,
        run_id: job.run.id,
        run_attempt: 1,
        job_id: job.id,
        sha: job.run.headSha,
        triggering_actor: "octocat",
      },
      asked: { public_key: client.publicKey },
    })),
  );
});
