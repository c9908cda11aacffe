import { describe, expect, test } from "vitest";
import type { Job } from "../world/index.ts";
import type { Reply } from "../world/ask.ts";
import { useBench } from "../harness/bench.ts";
import { Client } from "../harness/client.ts";
import { grantLike, roleOf } from "../harness/config.ts";
import { bodyOf, goodRequest, send } from "../harness/requests.ts";
import { forkOf, repositoryOf } from "../harness/scenes.ts";

const bench = useBench({
  attacks: true,
  grants: [grantLike("of-other", { repository: "acme/other", repository_id: 3_001 })],
});
const github = () => bench().world.github;

/** An answer without what is its own each time. */
function withoutId(reply: Reply): object {
  const { request_id: id, ...body } = bodyOf(reply);
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  return { ...body, retryAfter: reply.headers.get("retry-after") };
}

/** What somebody is told who has no job, and so nothing but a key, a challenge and its ticket. */
async function told(job: Job, changes: object = {}): Promise<Reply> {
  const stranger = await Client.of(bench().world, bench().broker.url, job);
  const { repository, run_id, run_attempt } = { ...stranger.who, ...changes } as Record<
    string,
    unknown
  >;
  const challenge = await stranger.challenge({ repository, run_id, run_attempt });
  return stranger.ask(challenge, { step: undefined, ...changes });
}

describe("who knows the address and nothing else (H-15)", () => {
  test("can't tell a repository that is there from one that is not, unless a grant names it", async () => {
    const secret = repositoryOf(bench(), "secret", 4_001);
    const { job } = bench().newJob({ repository: secret });
    github().clearJournal();
    const replies = await Promise.all([
      told(job),
      told(job, { repository: "acme/nothing" }),
      told(job, { repository: "nobody/secret" }),
      told(job, { run_id: 1 }),
      told(job, { role: roleOf("nothing") }),
      told(job, { job: { id: 1 } }),
    ]);
    const [first, ...others] = replies.map(withoutId);
    expect(first).toMatchObject({ code: "no_grant", fields: ["repository"] });
    for (const other of others) expect(other).toEqual(first);
    expect(bench().asked).toEqual([]);
  });

  test("can't tell a role that another has from one that nobody has", async () => {
    const { job } = bench().newJob();
    const roles = [roleOf("of-other"), roleOf("nothing"), "arn:aws:iam::999999999999:role/admin"];
    const replies = await Promise.all(roles.map((asked) => told(job, { role: asked })));
    const [first, ...others] = replies.map(withoutId);
    expect(first).toMatchObject({ code: "role_not_granted", fields: ["role"] });
    for (const other of others) expect(other).toEqual(first);
  });

  test("can't tell a run of another repository from one that is not there", async () => {
    const secret = repositoryOf(bench(), "hidden", 4_002);
    const { job } = bench().newJob();
    const { job: hidden } = bench().newJob({ repository: secret });
    const others = { repository: "acme/app", run_id: hidden.run.id, job: { id: hidden.id } };
    const outcomes = await Promise.all([
      told(job, others),
      told(job, { run_id: 1, job: { id: 1 } }),
    ]);
    expect(outcomes.map(withoutId)).toMatchObject([
      { code: "job_not_found", retryAfter: null },
      { code: "job_not_found", retryAfter: null },
    ]);
  });

  test("gets a challenge for anything, which tells nothing", async () => {
    const { job } = bench().newJob();
    const stranger = await bench().client(job);
    const answers = await Promise.all(
      [{}, { repository: "acme/nothing" }, { repository: "nobody/secret" }, { run_id: 1 }].map(
        (changes) => stranger.post("/v1/challenges", { ...stranger.who, ...changes }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ text }) => text.length)).size).toBe(1);
  });

  test("can find out just this of the runs of a repository, with the name of a role that it is granted", async () => {
    const fits = () => bench().newJob().job;
    const announced = async (): Promise<Job> => {
      const job = fits();
      const honest = await bench().client(job);
      honest.announce(await honest.challenge());
      return job;
    };
    const over = fits();
    github().completeJob(over);
    const again = fits();
    github().rerun(again.run);
    const fork = forkOf(bench());
    github().push(bench().repository, "topic", "topic");
    const stepped = (): Job => {
      const job = fits();
      github().addStep(job);
      github().say(job, "assume role", "no key");
      github().completeStep(job, "assume role");
      return job;
    };
    const waiting = fits();
    github().addStep(waiting);
    const queued = bench().newJob({ job: { status: "queued" } }).job;
    const ladder: readonly (readonly [
      what: string,
      job: Job,
      changes: object,
      code: string,
      fields?: string[],
    ])[] = [
      ["there is no such run", fits(), { run_id: 1 }, "job_not_found"],
      ["the run has no such job", fits(), { job: { id: 1 } }, "job_not_found"],
      ["the attempt is to come", fits(), { run_attempt: 2 }, "job_not_found"],
      ["the attempt is over", again, {}, "not_in_progress"],
      ["the job is over", over, {}, "not_in_progress"],
      ["the job has not begun", queued, {}, "not_in_progress"],
      [
        "it comes from a fork",
        bench().newJob({ run: { headRepository: fork, event: "pull_request" } }).job,
        {},
        "fork",
        ["forks"],
      ],
      [
        "its event is not the grant's",
        bench().newJob({ run: { event: "issues" } }).job,
        {},
        "no_grant",
        ["ref", "event"],
      ],
      [
        "its branch is not",
        bench().newJob({ run: { headBranch: "topic" } }).job,
        {},
        "no_grant",
        ["ref"],
      ],
      [
        "its workflow is not",
        bench().newJob({ run: { path: ".github/workflows/x.yml" } }).job,
        {},
        "no_grant",
        ["workflow"],
      ],
      [
        "its job's name is not",
        bench().newJob({ job: { name: "build" } }).job,
        {},
        "no_grant",
        ["job"],
      ],
      ["its step is not", fits(), { step: "build" }, "no_grant", ["step"]],
      ["the time is too long", fits(), { duration_seconds: 43_200 }, "no_grant", ["max_duration"]],
      ["all fits, and the step is to come", waiting, {}, "proof_pending"],
      ["all fits, and the step has ended", stepped(), {}, "proof_invalid"],
      ["all fits, and the job announces a key", await announced(), {}, "proof_ambiguous"],
    ];
    const replies = await Promise.all(ladder.map(([, job, changes]) => told(job, changes)));
    const learnt = replies.map((reply, at) => {
      const { code, fields } = bodyOf(reply);
      return [ladder[at]?.[0], code, fields ?? []];
    });
    expect(learnt).toEqual(ladder.map(([what, , , code, fields = []]) => [what, code, fields]));
    expect(bench().world.sts.journal).toEqual([]);
    // No name, value or id of a grant, a run or a job, nor a trace of what the broker is made of.
    const texts = replies.map(({ text }) => text).join("\n");
    expect(texts).not.toMatch(
      /app-deploy|of-other|123456789012|deploy\.yml|refs\/|assume role|octocat|acme/,
    );
    expect(texts).not.toMatch(
      /\bat \S+ \(|node:|\.[cm]?[jt]s:\d|\/work\/|\/home\/|undefined|\[object/,
    );
  });
});

describe("what is wrong with a signature is not told (H-13):", () => {
  /** Each character of it changed in turn, cut, longer, in other spellings, and with parts of another. */
  function spoilt(good: string, other: string): string[] {
    const flipped = Array.from(good, (character, at) => {
      const instead = character === "A" ? "B" : "A";
      return character === "." ? "" : good.slice(0, at) + instead + good.slice(at + 1);
    }).filter((text) => text !== "" && text !== good);
    const parts = good.split(".");
    const swapped = parts.map((_, at) => parts.with(at, other.split(".")[at] ?? "").join("."));
    const missing = parts.map((_, at) => parts.with(at, "").join("."));
    return [
      ...flipped,
      ...swapped.filter((text) => text !== good),
      ...missing,
      good.slice(0, -1),
      `${good}A`,
      `${good}=`,
      `${good}.`,
      `${good}.${good}`,
      good.toUpperCase(),
      ` ${good}`,
      good.replaceAll("-", "+").replaceAll("_", "/"),
      parts.slice(0, -1).join("."),
      parts.toReversed().join("."),
    ].filter((text) => text !== good && text !== other);
  }

  test("a ticket", async () => {
    const [{ client, fields }, another] = [await goodRequest(bench()), await goodRequest(bench())];
    const tickets = spoilt(String(fields.ticket), String(another.fields.ticket));
    const replies = await Promise.all(
      tickets.map((ticket) => send(bench(), "/v1/credentials", { ...fields, ticket })),
    );
    const bodies = new Set(replies.map((reply) => JSON.stringify(withoutId(reply))));
    expect([...bodies]).toHaveLength(1);
    expect([...bodies][0]).toContain('"code":"challenge_invalid"');
    expect(bench().asked).toEqual([]);
    expect(bench().world.sts.journal).toEqual([]);
    const right = await send(bench(), "/v1/credentials", fields);
    await expect(client.credentialsIn(right)).resolves.toBeDefined();
  });

  test("a renewal token", async () => {
    const [client, another] = [await bench().client(), await bench().client()];
    const { RenewalToken: token } = await client.obtain();
    const { RenewalToken: other } = await another.obtain();
    const replies = await Promise.all(spoilt(token, other).map((text) => client.renew(text)));
    const bodies = new Set(replies.map((reply) => JSON.stringify(withoutId(reply))));
    expect([...bodies]).toHaveLength(1);
    expect([...bodies][0]).toContain('"code":"renewal_invalid"');
    expect(bench().world.sts.issued).toHaveLength(2);
    await expect(client.credentialsIn(await client.renew(token))).resolves.toBeDefined();
  });
});
