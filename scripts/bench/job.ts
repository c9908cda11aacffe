import { generateIdentity, identityToRecipient } from "age-encryption";
import { Pool } from "undici";
import { proofLine } from "../../src/core/announcement.ts";
import { open } from "../../src/core/seal.ts";
import type { Job, Run } from "../../test/world/index.ts";
import { type Bench, publicUrl, role } from "./broker.ts";

/** One key for all: making keys is the job's work, and not what is measured. */
const identity = await generateIdentity();
const publicKey = await identityToRecipient(identity);
const pools = new Map<string, Pool>();

export interface Timing {
  challengeMs: number;
  /** From the credentials request to its answer. */
  answerMs: number;
}

/**
 * What a job does, without a process of its own: challenge, announcement, credentials.
 *
 * @param feedDelayMs how long the announcement takes to the live feed; the job asks when it is there
 */
export async function obtain(bench: Bench, job: Job, feedDelayMs: number): Promise<Timing> {
  const hints = selector(job, bench);
  const begun = performance.now();
  const { challenge, ticket: sealed } = await post(bench, "/v1/challenges", {
    ...hints,
    ref: job.run.ref,
  });
  const challenged = performance.now();
  const ticket = await open(identity, String(sealed));
  if (feedDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, feedDelayMs));
  bench.world.github.say(job, "assume role", proofLine(publicKey, String(challenge)));
  const asked = performance.now();
  await post(bench, "/v1/credentials", { ...hints, role, ticket });
  return { challengeMs: challenged - begun, answerMs: performance.now() - asked };
}

/** The same by the OIDC proof: one request, with a token that the job has from its runner. */
export async function obtainByToken(bench: Bench, job: Job): Promise<number> {
  const { issuer } = bench.world;
  const token = issuer.sign(issuer.claims(job, `${publicUrl}#${publicKey}`));
  const asked = performance.now();
  await post(bench, "/v1/credentials", { ...selector(job, bench), role, oidc_token: token });
  return performance.now() - asked;
}

/** A new run of the repository's main branch with one job, as after a push that was seen before. */
export function newJob({ world, repository }: Bench): Job {
  const run: Run = world.github.addRun(repository);
  const job = world.github.addJob(run);
  world.github.addStep(job);
  return job;
}

function selector(job: Job, { repository }: Bench): Record<string, unknown> {
  return {
    repository: `${repository.owner.login}/${repository.name}`,
    run_id: job.run.id,
    run_attempt: 1,
    public_key: publicKey,
    job: { runner_name: job.runnerName },
  };
}

async function post(bench: Bench, path: string, body: object): Promise<Record<string, unknown>> {
  const pool = pools.get(bench.url) ?? new Pool(bench.url, { connections: 128 });
  pools.set(bench.url, pool);
  const answer = await pool.request({
    method: "POST",
    path,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${path} answered ${answer.statusCode}: ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

export async function closePools(): Promise<void> {
  await Promise.all([...pools.values()].map((pool) => pool.destroy()));
  pools.clear();
}
