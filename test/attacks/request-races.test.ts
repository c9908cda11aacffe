import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { type Job, sha } from "../world/index.ts";
import type { Reply } from "../world/ask.ts";
import { useBench } from "../harness/bench.ts";
import type { Client } from "../harness/client.ts";
import { grantLike, roleOf } from "../harness/config.ts";
import { codeOf } from "../harness/requests.ts";
import { repositoryOf } from "../harness/scenes.ts";

const bench = useBench({
  attacks: true,
  grants: [
    grantLike("cases", { ref: ["refs/heads/case-*"] }),
    grantLike("other", { repository: "acme/other", repository_id: 3_001 }),
  ],
});
const github = () => bench().world.github;

/** What STS was asked for, of the session whose credentials a client has opened. */
async function sessionOf(client: Client, reply: Reply): Promise<object> {
  const { AccessKeyId: id } = await client.credentialsIn(reply);
  const entry = bench().world.sts.journal.find(({ note }) => note?.issued?.accessKeyId === id);
  const { roleArn, externalId, tags } = entry?.note?.parameters ?? expect.unreachable();
  return { roleArn, externalId, run: tags["github:runId"], job: tags["github:jobId"] };
}

const sessionFor = ({ run, id }: Job, repository: string, role: string): object => ({
  roleArn: roleOf(role),
  externalId: repository,
  run: String(run.id),
  job: String(id),
});

describe("requests that overtake each other (H-11):", () => {
  test("two repositories whose runs and jobs have the same ids, in whatever order GitHub answers", async () => {
    const other = repositoryOf(bench(), "other", 3_001);
    for (const [at, order] of [
      ["app", "other"],
      ["other", "app"],
    ].entries()) {
      const ids = { run: { id: 600_001 + at }, job: { id: 700_001 + at } };
      const jobs = [bench().newJob(ids).job, bench().newJob({ ...ids, repository: other }).job];
      const [ours = expect.unreachable(), theirs = expect.unreachable()] = jobs;
      const [app, another] = [await bench().client(ours), await bench().client(theirs)];
      const barriers = order.map((name) =>
        github().api.barrier(new RegExp(`/repos/acme/${name}/actions/runs/${ids.run.id}`), {
          times: 99,
        }),
      );
      const asking = Promise.all([
        app.attempt(),
        another.attempt({ role: roleOf("other") }),
        // Each asks for what is the other's, with a proof of its own.
        app.attempt({ role: roleOf("other") }),
        another.attempt(),
      ]);
      for (const barrier of barriers) {
        await barrier.arrived;
        await pause(100);
        barrier.release();
      }
      const [first, second, ...wrong] = await asking;
      expect(wrong.map(codeOf)).toEqual(["role_not_granted", "role_not_granted"]);
      expect(await sessionOf(app, first)).toEqual(sessionFor(ours, "acme/app", "app-deploy"));
      expect(await sessionOf(another, second)).toEqual(sessionFor(theirs, "acme/other", "other"));
    }
  });

  test("two runs, of which one may have the role: the other's answers do not help it, nor hold it up", async () => {
    const [right, wrong] = [bench().newJob().job, bench().newJob({ run: { event: "issues" } }).job];
    const [good, bad] = [await bench().client(right), await bench().client(wrong)];
    const barriers = [right, wrong].map(({ run }) =>
      github().api.barrier(new RegExp(`/runs/${run.id}`), { times: 99 }),
    );
    const [ofRight = expect.unreachable(), ofWrong = expect.unreachable()] = barriers;
    const refused = bad.attempt();
    const served = good.attempt();
    await Promise.all([ofRight.arrived, ofWrong.arrived]);
    ofRight.release();
    expect(await sessionOf(good, await served)).toEqual(
      sessionFor(right, "acme/app", "app-deploy"),
    );
    ofWrong.release();
    expect((await refused).json).toMatchObject({ code: "no_grant", fields: ["ref", "event"] });
    expect(bench().world.sts.assumed).toHaveLength(1);
  });

  test("jobs of one run, each with a key of its own, are not given one another's credentials", async () => {
    const { jobs } = github().matrix({ jobs: 20, repository: bench().repository });
    const clients = await Promise.all(jobs.map((job) => bench().client(job)));
    const barrier = github().web.barrier(/\/backscroll/, { times: 99 });
    const asking = Promise.all(clients.map((client) => client.attempt()));
    await barrier.arrived;
    await pause(200);
    barrier.release();
    const sessions = await Promise.all(
      (await asking).map((reply, at) => sessionOf(clients[at] ?? expect.unreachable(), reply)),
    );
    expect(sessions).toEqual(jobs.map((job) => sessionFor(job, "acme/app", "app-deploy")));
  });
});

test("what changes while the log is read is seen before AWS is asked (H-11)", async () => {
  const { repository } = bench();
  const changes: Record<string, [code: string, change: (job: Job, branch: string) => void]> = {
    "nothing at all": ["served", () => {}],
    "the run is cancelled": [
      "not_in_progress",
      ({ attempt }) =>
        void Object.assign(attempt, { status: "completed", conclusion: "cancelled" }),
    ],
    "the run is being cancelled": [
      "not_in_progress",
      ({ attempt }) => void Object.assign(attempt, { conclusion: "cancelled" }),
    ],
    "the job ends": [
      "not_in_progress",
      (job) => void Object.assign(job, { status: "completed", conclusion: "success" }),
    ],
    "another attempt begins": ["not_in_progress", ({ run }) => void github().rerun(run)],
    "the job is gone": ["job_not_found", ({ attempt }) => void (attempt.jobs.length = 0)],
    "the job has another name": ["no_grant", (job) => void (job.name = "build")],
    "the branch is deleted": ["no_grant", (_, branch) => void repository.branches.delete(branch)],
    "the branch is pushed elsewhere by force": [
      "no_grant",
      (_, branch) => void repository.branches.set(branch, sha("elsewhere")),
    ],
    "a tag of its name is pushed": [
      "ref_ambiguous",
      ({ run }, branch) => void repository.tags.set(branch, run.headSha),
    ],
    "the run calls another workflow": [
      "no_grant",
      ({ run }) =>
        void (run.referencedWorkflows = [
          { path: "evil/ci/.github/workflows/x.yml@main", sha: sha("x"), ref: "refs/heads/main" },
        ]),
    ],
    "the head repository is deleted": ["fork", ({ run }) => void (run.headRepository = null)],
  };
  const stepsOf = ({ internalId }: Job) =>
    bench().asked.filter(({ path }) => path.includes(`/jobs/${internalId}/steps?`));
  const outcomes = await Promise.all(
    Object.entries(changes).map(async ([name, [, change]], at) => {
      const branch = `case-${at}`;
      github().push(repository, branch, `${branch} first`);
      const { job } = bench().newJob({ run: { headBranch: branch } });
      const client = await bench().client(job);
      const challenge = await client.challenge();
      client.announce(challenge);
      // The answer is made on arrival: what the log shows is not what changes.
      const barrier = github().web.barrier(new RegExp(`/jobs/${job.internalId}/.*/backscroll`));
      const asked = client.ask(challenge, { role: roleOf("cases") });
      await barrier.arrived;
      await vi.waitFor(() => expect(stepsOf(job)).toMatchObject([{ status: 200 }]), 10_000);
      change(job, branch);
      // Answers count for two seconds.
      await pause(2_100);
      barrier.release();
      return [name, codeOf(await asked) ?? "served"];
    }),
  );
  expect(outcomes).toEqual(Object.entries(changes).map(([name, [code]]) => [name, code]));
  expect(bench().world.sts.assumed).toHaveLength(1);
});

describe("one challenge sent a hundred times at once leads to one session (H-12):", () => {
  test("the same request, to one answer for all", async () => {
    const client = await bench().client();
    const challenge = await client.challenge();
    client.announce(challenge);
    bench().repeated = 99;
    const replies = await Promise.all(Array.from({ length: 100 }, () => client.ask(challenge)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
    expect(bench().world.sts.assumed).toHaveLength(1);
    expect(bench().records).toHaveLength(1);
  });

  test("requests that differ, to one of them", async () => {
    const client = await bench().client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, at) => client.ask(challenge, { duration_seconds: 900 + at })),
    );
    const codes = replies.map(codeOf);
    expect(codes.filter((code) => code === "challenge_invalid")).toHaveLength(99);
    expect(codes.filter((code) => code === undefined)).toHaveLength(1);
    expect(bench().world.sts.assumed).toHaveLength(1);
    expect(bench().records).toHaveLength(100);
  });
});
