import { expect, test } from "vitest";
import type { Bench } from "../../harness/bench.ts";
import type { Body, Client } from "../../harness/client.ts";
import { role } from "../../harness/config.ts";
import type { Reply } from "../../world/ask.ts";
import type { Job } from "../../world/index.ts";
import type { JobOptions, RunOptions } from "../../world/github/builders.ts";

/** A run as GitHub shows it, the job of it that asks, and what it is answered. */
export interface Scene {
  /** The job that asks; GitHub is as it has to be when this returns. */
  readonly job: (bench: Bench) => Job;
  /** The golden one when left out. */
  readonly role?: string;
  /** What the request says otherwise than an honest client of that job. */
  readonly asks?: (job: Job) => Asked;
  readonly verdict: "served" | Denial;
  /** GitHub is not even asked. */
  readonly silent?: true;
  /** Why `record` and `explain` can't show it. */
  readonly notRecorded?: string;
}

export interface Denial {
  readonly code: string;
  readonly fields?: readonly string[];
}

/** Scenes by the sentence that says what happens. Names of branches and grants are of one scene alone. */
export type Scenes = Readonly<Record<string, Scene>>;

export const noGrant = (...fields: string[]): Denial => ({ code: "no_grant", fields });
export const aFork: Denial = { code: "fork", fields: ["forks"] };

/** A job as after a push to main, but for what is said of its run and of it. */
export function runOf(bench: Bench, run: RunOptions = {}, job: JobOptions = {}): Job {
  const { github } = bench.world;
  return github.addJob(github.addRun(bench.repository, run), job);
}

/** The same, as a scene wants it. */
export const ofRun =
  (run: RunOptions, job: JobOptions = {}) =>
  (bench: Bench): Job =>
    runOf(bench, run, job);

/** Changes what GitHub says of this run alone, but for its jobs. */
export function retold(
  { world }: Bench,
  { run }: Job,
  change: (body: Record<string, unknown>) => void,
): void {
  const match = new RegExp(`/runs/${run.id}(?:/attempts/\\d+)?$`);
  const once = (body: Record<string, unknown>): void => {
    change(body);
  };
  world.github.api.transform(once, { match });
}

/** What the request of a scene's job selects, and what it asks for. */
export interface Asked {
  readonly repository?: string;
  readonly run_id?: number;
  readonly job?: object;
  readonly step?: string;
}

/** Challenge, announcement and request, as the scene's job makes them. */
export async function attempt(bench: Bench, scene: Scene, job: Job): Promise<[Client, Reply]> {
  const client = await bench.client(job);
  const { step, ...selection } = scene.asks?.(job) ?? {};
  const challenge = await client.challenge(selection);
  client.announce(challenge);
  const asks = { role: scene.role ?? role, ...selection, ...(step !== undefined && { step }) };
  return [client, await client.ask(challenge, asks)];
}

/** A test for each scene. */
export function play(bench: () => Bench, scenes: Scenes): void {
  test.for(Object.entries(scenes))("%s", async ([, scene]) => {
    const job = scene.job(bench());
    const [client, reply] = await attempt(bench(), scene, job);
    if (scene.verdict === "served") {
      expect(await client.credentialsIn(reply)).toHaveProperty("SessionToken");
      expect(bench().world.sts.assumed).toMatchObject([{ roleArn: scene.role ?? role }]);
      expect(bench().records).toMatchObject([
        { decision: "allowed", identity: { job_id: job.id } },
      ]);
    } else {
      await bench().expectDenied(reply, scene.verdict.code, scene.verdict.fields);
    }
    if (scene.silent) expect(bench().asked).toEqual([]);
  });
}

/** Many denials that differ in one text alone, and end alike. */
export interface Table {
  readonly rows: Readonly<Record<string, Pick<Scene, "job" | "asks">>>;
  readonly role?: string;
  readonly verdict: Denial;
}

/** Tables by the sentence that holds for each of their rows. */
export type Tables = Readonly<Record<string, Table>>;

/** A test for each table, its rows side by side. */
export function playTables(bench: () => Bench, tables: Tables): void {
  test.for(Object.entries(tables))("%s", async ([, { rows, verdict, ...same }]) => {
    const replies: [string, Reply][] = [];
    const tries = Object.entries(rows);
    while (tries.length > 0) {
      const some = tries.splice(0, 12).map(async ([row, its]): Promise<[string, Reply]> => {
        const scene = { ...same, ...its, verdict };
        return [row, (await attempt(bench(), scene, its.job(bench())))[1]];
      });
      replies.push(...(await Promise.all(some)));
    }
    const others = replies.filter(([, { json }]) => (json as Body).code !== verdict.code);
    expect(others.map(([row, { text }]) => [row, text])).toEqual([]);
    for (const [, reply] of replies)
      await bench().expectDenied(reply, verdict.code, verdict.fields);
  });
}

/** Some rows of each table as scenes, for who can't play them all. */
export function scenesOf(tables: Tables, each = 2): Scenes {
  return Object.fromEntries(
    Object.entries(tables).flatMap(([title, { rows, ...same }]) =>
      Object.entries(rows)
        .slice(0, each)
        .map(([row, its]) => [`${title}: ${row}`, { ...same, ...its }]),
    ),
  );
}
