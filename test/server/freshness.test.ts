import { describe, expect, test, vi } from "vitest";
import { MemoryStore } from "../../src/server/store/memory.ts";
import { Client, Stage } from "./broker.ts";

async function open(): Promise<{ stage: Stage; client: Client; github: Stage["world"]["github"] }> {
  const stage = await Stage.open();
  return { stage, client: await Client.of(stage), github: stage.world.github };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** When GitHub was last asked for the run, its jobs and the branch, before AWS was. */
function ages({ world }: Stage): number[] {
  const [sts] = world.sts.journal;
  const asked = [
    /runs\/5001$/,
    /attempts\/1\/jobs/,
    /git\/ref\/heads\/main/,
    /matching-refs\/tags\/main/,
  ].map(
    (path) => world.github.api.journal.filter((entry) => path.test(entry.path)).at(-1)?.time ?? 0,
  );
  return asked.map((time) => (sts?.time ?? Number.POSITIVE_INFINITY) - time);
}

describe("G-08, H-11: when AWS is asked, GitHub's word is no older than two seconds", () => {
  test.each([
    ["the announcement comes late", /nothing/, 2_700],
    ["the log answers late", /backscroll/, 2_500],
    ["the list of steps answers late", /steps\?/, 2_500],
    ["the job's page answers late", /job\/7001/, 2_500],
  ])("though %s", async (_, slow, delay) => {
    const { stage, client, github } = await open();
    const { challenge, ticket } = await client.challenge();
    const barrier = github.web.barrier(slow, { late: true });
    const asked = client.request(ticket);
    await sleep(delay);
    client.announce(challenge);
    barrier.release();
    expect((await asked).status).toBe(200);
    for (const age of ages(stage)) expect(age).toBeLessThanOrEqual(2_000);
  });

  test.each<[string, string, (stage: Stage) => void]>([
    [
      "the run is cancelled",
      "not_in_progress",
      ({ golden }) => {
        golden.attempt.status = "completed";
        golden.attempt.conclusion = "cancelled";
      },
    ],
    [
      "the job ends",
      "not_in_progress",
      ({ golden }) => {
        golden.job.status = "completed";
        golden.job.conclusion = "success";
      },
    ],
    [
      "the branch is deleted",
      "no_grant",
      ({ golden }) => {
        golden.repository.branches.delete("main");
      },
    ],
    [
      "a tag of its name is pushed",
      "ref_ambiguous",
      ({ golden }) => {
        golden.repository.tags.set("main", golden.run.headSha);
      },
    ],
  ])("so that it is refused when %s while the log is read", async (_, expected, change) => {
    const { stage, client, github } = await open();
    const { challenge, ticket } = await client.challenge();
    client.announce(challenge);
    const barrier = github.web.barrier(/backscroll/);
    const asked = client.request(ticket);
    await barrier.arrived;
    change(stage);
    await sleep(2_100);
    barrier.release();
    expect((await asked).json.code).toBe(expected);
    expect(stage.world.sts.journal).toEqual([]);
  });
});

describe("G-08, H-11: what was waited for after the proof is not waited for in vain:", () => {
  const cancel = ({ golden }: Stage): void =>
    void Object.assign(golden.attempt, { status: "completed", conclusion: "cancelled" });

  test("a run that is cancelled while the store is slow is refused, and its challenge is not used up", async () => {
    const { stage, client } = await open();
    const { promise: claimed, resolve: begin } = Promise.withResolvers<void>();
    const claim = vi.spyOn(MemoryStore.prototype, "claim").mockImplementationOnce(async () => {
      begin();
      await sleep(2_200);
      return true;
    });
    const release = vi.spyOn(MemoryStore.prototype, "release");
    const asked = client.obtain();
    await claimed;
    cancel(stage);
    expect((await asked).json.code).toBe("not_in_progress");
    expect(stage.world.sts.journal).toEqual([]);
    expect(release).toHaveBeenCalledTimes(1);
    Object.assign(stage.golden.attempt, { status: "in_progress", conclusion: null });
    expect((await client.obtain()).status).toBe(200);
    expect(claim).toHaveBeenCalledTimes(2);
    vi.restoreAllMocks();
  });

  test("a run that is cancelled while GitHub is slow to tell its branch is not renewed", async () => {
    const { stage, client, github } = await open();
    const { RenewalToken: token } = await client.opened(await client.obtain());
    const renew = (): ReturnType<Stage["post"]> =>
      stage.post("/v1/renewals", { renewal_token: token });
    const barrier = github.api.barrier(/git\/ref\/heads\/main/);
    const asked = renew();
    await barrier.arrived;
    cancel(stage);
    await sleep(2_100);
    barrier.release();
    expect((await asked).json.code).toBe("not_in_progress");
    expect(stage.world.sts.assumed).toHaveLength(1);
    Object.assign(stage.golden.attempt, { status: "in_progress", conclusion: null });
    expect((await renew()).status).toBe(200);
  });
});

describe("a stored answer may allow, never deny", () => {
  const hints = { job: { id: 7_001 }, ref: "refs/heads/main" };

  test.each<[string, (stage: Stage) => () => void]>([
    [
      "the job was still queued",
      ({ golden }) => {
        golden.job.status = "queued";
        return () => {
          golden.job.status = "in_progress";
        };
      },
    ],
    [
      "the run was still waiting for its job",
      ({ golden }) => {
        const jobs = golden.attempt.jobs;
        golden.attempt.jobs = [];
        return () => {
          golden.attempt.jobs = jobs;
        };
      },
    ],
    [
      "the branch stood elsewhere",
      ({ golden, world }) => {
        world.github.push(golden.repository, "main", "elsewhere");
        golden.run.headSha = "0".repeat(40);
        return () => {
          golden.run.headSha = golden.repository.branches.get("main") ?? "";
        };
      },
    ],
    [
      "a tag of the branch's name was there",
      ({ golden }) => {
        golden.repository.tags.set("main", golden.run.headSha);
        return () => {
          golden.repository.tags.delete("main");
        };
      },
    ],
    [
      "GitHub was in trouble",
      ({ world }) => {
        const fault = world.github.api.fault({ status: 500 });
        return () => fault.remove();
      },
    ],
  ])("though, when the challenge looked ahead, %s", async (_, before) => {
    const { stage, client, github } = await open();
    const after = before(stage);
    const { challenge, ticket } = await client.challenge(hints);
    await expect.poll(() => github.api.journal.length).toBeGreaterThanOrEqual(3);
    await sleep(100);
    after();
    client.announce(challenge);
    expect((await client.request(ticket)).status).toBe(200);
  });

  test("what was looked up ahead is not asked for twice", async () => {
    const { stage, client, github } = await open();
    const { challenge, ticket } = await client.challenge(hints);
    client.announce(challenge);
    await expect.poll(() => github.api.journal.length).toBe(4);
    await sleep(50);
    expect((await client.request(ticket)).status).toBe(200);
    expect(github.api.journal).toHaveLength(4);
    for (const age of ages(stage)) expect(age).toBeLessThanOrEqual(2_000);
  });
});

test("H-11: two repositories' requests, held up in the middle, do not mix", async () => {
  const stage = await Stage.open({
    grants: `
  - { name: one, repository: acme/app, step: assume role, role: "arn:aws:iam::123456789012:role/one" }
  - { name: two, repository: acme/other, step: assume role, role: "arn:aws:iam::123456789012:role/two" }
`,
  });
  const { github, sts } = stage.world;
  const other = github.addRepository({ name: "other" });
  const run = github.addRun(other, { id: 5_001, headSha: stage.golden.run.headSha });
  const job = github.addJob(run, { id: 7_001 });
  github.addStep(job);
  const [mine, theirs] = [await Client.of(stage), await Client.of(stage)];
  const barrier = github.api.barrier(/acme\/app\/actions/, { times: 100 });
  const first = await mine.challenge();
  const second = await theirs.challenge({ repository: "acme/other" });
  mine.announce(first.challenge);
  github.say(job, "assume role", `ACTIONS2AWS PROOF: ${theirs.publicKey} ${second.challenge}\n`);
  const one = mine.request(first.ticket, { role: "arn:aws:iam::123456789012:role/one" });
  const two = theirs.request(second.ticket, {
    repository: "acme/other",
    role: "arn:aws:iam::123456789012:role/two",
  });
  expect((await two).json).toMatchObject({ grant: "two" });
  barrier.release();
  expect((await one).json).toMatchObject({ grant: "one" });
  expect(sts.assumed.map(({ roleArn, externalId }) => [roleArn.slice(-3), externalId])).toEqual([
    ["two", "acme/other"],
    ["one", "acme/app"],
  ]);
  const crossed = await mine.request(first.ticket, { role: "arn:aws:iam::123456789012:role/two" });
  expect(crossed.json.code).toBe("role_not_granted");
});
