import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import type { Bench } from "./bench.ts";
import type { Body, Client } from "./client.ts";
import { grantLike, roleOf } from "./config.ts";
import type { Reply } from "../world/ask.ts";
import type { Fault, Job, Service } from "../world/index.ts";

// Each case has a run, a commit and a branch of its own, so that its faults strike nobody else.

const publicUrl = "https://broker.test";

/** A broker for these cases. */
export const faultBench = {
  attacks: true,
  tokens: true,
  settings: { public_url: publicUrl },
  grants: [
    grantLike("faulty", { ref: "refs/heads/faults/*" }),
    grantLike("by-token", { ref: "refs/heads/faults/*", proof: "oidc", step: undefined }),
  ],
};

export interface Case {
  readonly bench: Bench;
  readonly job: Job;
  readonly client: Client;
  /** Access key ids that were given out before the fault. */
  readonly earlier: string[];
}

let cases = 0;

/** A job whose branch has moved on, so that GitHub is asked to compare, too. */
export async function newCase(bench: Bench): Promise<Case> {
  const { github } = bench.world;
  const branch = `faults/${++cases}`;
  const headSha = github.push(bench.repository, branch, `${branch} then`);
  github.push(bench.repository, branch, `${branch} now`);
  const run = github.addRun(bench.repository, { headBranch: branch, headSha });
  const job = github.addJob(run);
  return { bench, job, client: await bench.client(job), earlier: [] };
}

/** Sends the same request, as often as it is called. */
type Ask = () => Promise<Reply>;

/** A way to ask for credentials: what comes before the faults, and the request that they strike. */
export type Journey = (it: Case, call: Pick<UpstreamCall, "of">) => Promise<() => Promise<Ask>>;

export const journeys = {
  request: (it, { of }) =>
    Promise.resolve(async () => {
      const { client, job, bench } = it;
      const challenge = await client.challenge();
      client.announce(challenge);
      if (of === "ended step") bench.world.github.completeStep(job, "assume role");
      return () => client.ask(challenge, { role: roleOf("faulty") });
    }),
  renewal: async ({ bench, job, client, earlier }) => {
    const first = await client.obtain({ role: roleOf("faulty") });
    earlier.push(first.AccessKeyId);
    // What was compared is known for good; with another commit there is something new to compare.
    const { repository, headBranch } = job.run;
    bench.world.github.push(repository, headBranch ?? "", `${headBranch} later`);
    return () => Promise.resolve(() => client.renew(first.RenewalToken));
  },
  token: ({ client }) => {
    const token = client.token(publicUrl);
    return Promise.resolve(() =>
      Promise.resolve(() => client.askByToken(token, { role: roleOf("by-token") })),
    );
  },
} satisfies Record<string, Journey>;

/** A call that the broker makes for a job. */
export interface UpstreamCall {
  readonly service: (bench: Bench) => Service;
  readonly match: (job: Job) => NonNullable<Fault["match"]>;
  /** Made for the log of a step that has ended. */
  readonly of?: "ended step";
  /** Made once, by a broker that has just been started. */
  readonly once?: true;
}

const api = ({ world }: Bench): Service => world.github.api;
const web = ({ world }: Bench): Service => world.github.web;
const path = (text: string): RegExp => new RegExp(text.replaceAll("/", "\\/"));

const run = { service: api, match: ({ run: { id } }: Job) => path(`/runs/${id}$`) };
const jobs = { service: api, match: ({ run: { id } }: Job) => path(`/runs/${id}/attempts/`) };
const refs = {
  branch: { service: api, match: (job: Job) => path(`/ref/heads/${job.run.headBranch}$`) },
  tags: { service: api, match: (job: Job) => path(`-refs/tags/${job.run.headBranch}$`) },
  comparison: { service: api, match: (job: Job) => path(`/compare/.*${job.run.headSha}`) },
};
export const AssumeRole: UpstreamCall = {
  service: ({ world }) => world.sts as unknown as Service,
  match: (job) => (request) => request.body.includes(`-${job.id}&`),
};

/** Whom the broker asks for each, in this order. */
export const calls: Readonly<Record<keyof typeof journeys, Record<string, UpstreamCall>>> = {
  request: {
    run,
    jobs,
    ...refs,
    "job page": { service: web, match: ({ id }) => path(`/job/${id}$`) },
    steps: { service: web, match: ({ internalId }) => path(`/${internalId}/steps\\?`) },
    "live feed": { service: web, match: ({ internalId }) => path(`/${internalId}/.*/backscroll`) },
    "stored log": {
      service: web,
      match: ({ id }) => path(`/checks/${id}/logs/`),
      of: "ended step",
    },
    storage: {
      service: ({ world }) => world.github.storage,
      match: ({ internalId }) => path(`/logs/${internalId}/`),
      of: "ended step",
    },
    AssumeRole,
  },
  renewal: { run, jobs, ...refs, AssumeRole },
  token: {
    keys: { service: ({ world }) => world.issuer, match: () => /jwks/, once: true },
    jobs,
    AssumeRole,
  },
};

/** What a client asks again after. */
const temporary =
  /^(?:github_unavailable|github_rate_limited|aws_unavailable|audit_unavailable|proof_pending)$/;

/** As an honest client does: the same request, as long as its refusal may pass. */
export async function insist(ask: Ask): Promise<Reply> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    const reply = await ask();
    const { code = "" } = reply.json as Body;
    if (!temporary.test(code) || performance.now() > deadline) return reply;
    await pause(250);
  }
}

/**
 * What holds after any fault: records are whole lines; every session that AWS has made is named in
 * one; what was given out has its id in one; and the job ends with credentials of its own.
 *
 * @param lost how many of AWS's sessions can have reached nobody
 * @param interrupted how many intents a crash has left open
 */
export async function expectInOrder(
  { bench, client, job, earlier }: Case,
  last: Reply,
  { lost = 0, interrupted = 0 } = {},
): Promise<void> {
  const { AccessKeyId } = await client.credentialsIn(last);
  const issued = bench.world.sts.journal.flatMap(({ note }) => {
    const session = note?.parameters?.roleSessionName ?? "";
    return note?.issued && isOf(job, session) ? [{ session, ...note.issued }] : [];
  });
  const records = linesOf(bench.files.audit).filter(({ session_name: name }) => isOf(job, name));
  const idsOf = (decision: string): unknown[] =>
    records.filter((record) => record.decision === decision).map(({ access_key_id: id }) => id);
  expect(idsOf("allowed")).toEqual([...earlier, AccessKeyId]);
  expect(idsOf("interrupted")).toHaveLength(interrupted);
  expect(issued).toHaveLength(earlier.length + lost + 1);
  expect(issued.map(({ accessKeyId }) => accessKeyId)).toEqual(
    expect.arrayContaining(idsOf("allowed")),
  );
  const named = records.map(({ session_name: name }) => name);
  expect(named).toEqual(expect.arrayContaining(issued.map(({ session }) => session)));
}

function isOf(job: Job, session: unknown): boolean {
  return typeof session === "string" && session.endsWith(`-${job.id}`);
}

/** Every line of the file, which all have to be whole. */
export function linesOf(file: string): Record<string, unknown>[] {
  const lines = readFileSync(file, "utf8").split("\n");
  expect(lines.pop()).toBe("");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** What a call may come to for a while. */
const passing: Readonly<Record<string, Fault>> = {
  "answered with 500": { status: 500 },
  "cut off": { reset: true },
  // With its own status: of a 304 there is no half.
  "answered in half": { status: 200, truncate: true },
  "answered with a page": {
    status: 200,
    body: "<!DOCTYPE html><title>Unicorn!</title>",
    headers: { "content-type": "text/html" },
  },
};

interface Passing {
  readonly name: string;
  readonly what: string;
  readonly journey: keyof typeof journeys;
  readonly call: UpstreamCall;
  readonly fault: Fault;
}

/** Each call of a journey, with each fault. */
export function passingFaults(journey: keyof typeof journeys): Passing[] {
  return Object.entries(calls[journey]).flatMap(([name, call]) =>
    Object.entries(passing).map(([what, fault]) => ({ name, what, journey, call, fault })),
  );
}

/** The job is told to ask again, and the same request then gets it one session. */
export async function expectToPass(bench: Bench, { journey, call, fault }: Passing): Promise<void> {
  if (call.once) await bench.restart();
  const it = await newCase(bench);
  const begin = await journeys[journey](it, call);
  const handle = call.service(bench).fault({ ...fault, match: call.match(it.job) });
  const ask = await begin();
  const refused = await ask();
  const code = call === AssumeRole ? "aws_unavailable" : "github_unavailable";
  expect(refused).toMatchObject({ status: 503, json: { code } });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(handle.used).toBeGreaterThan(0);
  handle.remove();

  const lost = call === AssumeRole ? handle.used : 0;
  bench.lostAnswers = lost;
  const again = await insist(ask);
  await expectInOrder(it, again, { lost });
  // And once more: the same answer, not another session.
  expect((await ask()).text).toBe(again.text);
  bench.repeated = 1;
}
