import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Job } from "../world/index.ts";
import { useBench } from "../harness/bench.ts";
import { signingKey } from "../harness/broker.ts";
import { madeBy } from "../harness/challenges.ts";
import { grantLike, roleOf } from "../harness/config.ts";
import { goodRequest, send } from "../harness/requests.ts";

const anything = { ref: undefined, workflow: undefined, job: ["**"] };
const bench = useBench({
  attacks: true,
  grants: [
    grantLike("any-name", anything),
    // What a matcher that goes back on its steps would try in more ways than there are atoms.
    grantLike("many-stars", {
      ...anything,
      job: [`${"*a".repeat(20)}*b`, `${"**a".repeat(20)}**b`],
      ref: [`refs/heads/${"**a".repeat(20)}**b`, `refs/heads/${"*a".repeat(20)}*b`],
      reusable_workflow: ["acme/ci/.github/workflows/deploy.yml@refs/heads/main"],
    }),
  ],
});

/** Ends the line, and begins one that says something else; then what moves a cursor or turns text around. */
const injected = `x\n{"decision":"allowed","code":"ok"}\r\n\u001B[2J\u001B]0;x\u0007\u009B31m\u0085\u2028\u2029\u202E\u2066\u007F\u0000,=cmd|x`;
const someone = { id: 1, login: injected, type: "User" as const };

/** Everywhere that text of a stranger's gets into an answer of GitHub's. */
function nameEverything(job: Job): void {
  Object.assign(job, { name: injected, runnerName: injected });
  Object.assign(job.run, {
    name: injected,
    displayTitle: injected,
    path: `.github/workflows/${injected}.yml`,
    headBranch: injected,
    actor: someone,
    referencedWorkflows: [
      { path: `evil/x/.github/workflows/${injected}@x`, sha: "0".repeat(40), ref: injected },
    ],
  });
  job.attempt.triggeringActor = someone;
}

/** The audit file as it stands there, from some character on. */
function auditText(from = 0): string {
  const { audit } = bench().files;
  return existsSync(audit) ? readFileSync(audit, "utf8").slice(from) : "";
}

function expectPlainLines(text: string, count: number): void {
  const lines = text.trimEnd().split("\n");
  expect(lines).toHaveLength(count);
  for (const line of lines) expect(JSON.parse(line)).toHaveProperty("request_id");
  expect(text).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]/);
}

describe("text of a stranger's stays text (H-22):", () => {
  test("whatever GitHub calls things, each decision is one line, of what it really is", async () => {
    const from = auditText().length;
    const log = bench().broker.stdout.length;
    const { job } = bench().newJob();
    const client = await bench().client(job);
    const challenge = await client.challenge();
    client.announce(challenge);
    job.run.referencedWorkflows = [];
    nameEverything(job);
    await bench().expectDenied(await client.ask(challenge), "no_grant", [
      "workflow",
      "ref",
      "job",
      "reusable_workflow",
    ]);
    job.run.referencedWorkflows = [];
    const served = await client.ask(challenge, { role: roleOf("any-name") });
    await expect(client.credentialsIn(served)).resolves.toBeDefined();
    expectPlainLines(auditText(from), 2);
    expect(bench().records).toMatchObject([
      { decision: "denied", identity: { job: injected, head_branch: injected, actor: injected } },
      { decision: "allowed", identity: { job: injected, triggering_actor: injected } },
    ]);
    const lines = bench().broker.stdout.slice(log);
    expect(lines).not.toMatch(/cmd|"decision"/);
  });

  test("whatever a request calls things, it is refused or not kept", async () => {
    const from = auditText().length;
    const { client, fields } = await goodRequest(bench());
    const replies = await Promise.all([
      send(bench(), "/v1/credentials", { ...fields, repository: `acme/${injected}` }),
      send(bench(), "/v1/credentials", { ...fields, role: `${roleOf("x")}${injected}` }),
      send(bench(), "/v1/credentials", { ...fields, public_key: injected }),
      send(bench(), "/v1/credentials", { ...fields, [injected]: injected }),
      send(bench(), "/v1/credentials", { ...fields, step: injected }),
      send(bench(), "/v1/credentials", { ...fields, job: { name: injected } }),
      send(bench(), "/v1/credentials", { ...fields, job: { runner_name: injected } }),
      send(bench(), "/v1/credentials", { ...fields, ticket: injected }),
      send(bench(), "/v1/renewals", { renewal_token: injected }),
      send(bench(), "/", {
        Repo: "acme/app",
        RunId: "1",
        JobName: injected,
        StepName: injected,
        RoleARN: roleOf("x"),
      }),
    ]);
    expect(replies.filter(({ status }) => status < 400)).toEqual([]);
    const text = auditText(from);
    expectPlainLines(text, replies.length);
    expect(text).not.toContain("cmd");
    for (const reply of replies) expect(reply.text).not.toContain("cmd");
    const headers = {
      "x-forwarded-for": "cmd",
      "user-agent": "cmd",
      referer: "cmd",
      "x-request-id": "cmd",
    };
    await bench().ask("/cmd", headers);
    expect(bench().broker.stdout).not.toContain("cmd");
    await expect(
      client.credentialsIn(await send(bench(), "/v1/credentials", fields)),
    ).resolves.toBeDefined();
  });

  test("a name that is far too long is cut, and it is told how long it was", async () => {
    const from = auditText().length;
    const client = await bench().client(
      bench().newJob({ job: { name: "n".repeat(1_000_000) } }).job,
    );
    await bench().expectDenied(await client.attempt(), "no_grant", ["job"]);
    const { identity } = bench().records[0] as { identity?: { job?: string } };
    expect(identity?.job).toBe(`${"n".repeat(1_000)} … (1000000 characters)`);
    expect(auditText(from).length).toBeLessThan(4_000);
  });
});

test("a name of a hundred thousand characters, made to be tried in all ways, is judged within a second (H-24)", async () => {
  const long = `${"a".repeat(100_000)}!`;
  const changes: Record<string, (job: Job) => void> = {
    "the job's": (job) => void (job.name = long),
    "the branch's": ({ run }) => void (run.headBranch = long),
    "the workflow's": ({ run }) => void (run.path = `.github/workflows/${long}`),
    "the workflow's, with many refs": ({ run }) =>
      void (run.path = `.github/workflows/x@${"@a".repeat(50_000)}`),
    "the event's": ({ run }) => void (run.event = long),
    "the actor's": ({ attempt }) => void (attempt.triggeringActor = { ...someone, login: long }),
    "the runner's": (job) => void (job.runnerName = long),
    "a called workflow's": ({ run }) =>
      void (run.referencedWorkflows = [
        { path: `${long}@${long}`, sha: "0".repeat(40), ref: long },
      ]),
    "a step's": (job) => void (job.steps[0] && (job.steps[0].name = long)),
  };
  /** The best of three: another process may have had the processor meanwhile. */
  const timeOf = async (act: () => Promise<unknown>): Promise<number> => {
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      const began = performance.now();
      await act();
      times.push(performance.now() - began);
    }
    return Math.min(...times);
  };
  const usual = await timeOf(() => bench().expectGolden());
  const slow: unknown[] = [];
  for (const [name, change] of Object.entries(changes)) {
    const job = bench().newJob();
    const client = await bench().client(job.job);
    const ticket = madeBy(signingKey, bench().world, job.job, client.publicKey, Date.now());
    client.announce(ticket);
    change(job.job);
    for (const role of ["many-stars", "app-deploy"].map(roleOf)) {
      let served = 0;
      const time = await timeOf(async () => {
        if ((await client.ask(ticket, { role })).status === 200) served++;
      });
      bench().repeated += Math.max(0, served - 1);
      if (time > 1_000 + usual) slow.push([name, role, time]);
    }
  }
  expect(slow).toEqual([]);
  // In a request such a name is too long, or too large.
  const { fields } = await goodRequest(bench());
  for (const size of [600, 30_000, 100_000]) {
    const name = "a".repeat(size);
    for (const more of [{ step: name }, { job: { name } }, { repository: name }, { role: name }]) {
      const { status } = await send(bench(), "/v1/credentials", { ...fields, ...more });
      expect([size, status]).toEqual([size, size < 32_000 ? 400 : 413]);
    }
  }
});
