import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Job, Step } from "../harness/job.ts";
import { Site, type SiteOptions } from "./proxied-site.ts";
import { type ProxyName, proxyNames } from "./proxies.ts";

// Many processes at a time, on a machine that may be busy.
const patient = { timeout: 600_000 };

const runners = 6;

interface Ended {
  readonly job: Job;
  readonly step: Step;
}

/**
 * Jobs one after the other at each of some runners, by log and by token in turns, until it is enough.
 * Each is at an address of its own, so that both instances have their share.
 */
class Load {
  readonly ended: Ended[] = [];
  readonly #site: Site;
  readonly #all: Promise<unknown>;
  #enough = false;

  constructor(site: Site) {
    this.#site = site;
    onTestFinished(async () => {
      this.#enough = true;
      await Promise.allSettled([this.#all]);
    });
    this.#all = Promise.all(Array.from({ length: runners }, (_, at) => this.#run(at)));
  }

  async #run(at: number): Promise<void> {
    for (let count = at; !this.#enough; count++) {
      const from = `127.0.${at + 10}.${(count % 250) + 1}`;
      const job = this.#site.newJob();
      const step = await this.#site.obtain(count % 2 === 0 ? "log" : "oidc", { from, job });
      job.complete();
      this.ended.push({ job, step });
    }
  }

  /** Waits until so many more jobs have ended. */
  async more(count: number): Promise<void> {
    const wanted = this.ended.length + count;
    const arrived = (): void => expect(this.ended.length).toBeGreaterThanOrEqual(wanted);
    await vi.waitFor(arrived, patient);
  }

  /** @returns all of the jobs, at least so many */
  async end(atLeast: number): Promise<Ended[]> {
    await vi.waitFor(() => expect(this.ended.length).toBeGreaterThanOrEqual(atLeast), patient);
    this.#enough = true;
    await this.#all;
    return this.ended;
  }
}

async function open(name: ProxyName, options: SiteOptions = {}): Promise<Site> {
  const site = await Site.start(name, { shared: true, ...options });
  onTestFinished(() => site.stop());
  return site;
}

/** The proxy sends requests to this instance. */
async function isAsked(site: Site, at: 0 | 1): Promise<void> {
  const { log } = site.brokers[at];
  const asked = (): void => expect(site.brokers[at].log.length).toBeGreaterThan(log.length + 3);
  await vi.waitFor(asked, patient);
}

/**
 * Stands in for an instance at the moment of its end: it is well, takes a request, and closes all
 * without an answer. Resolves when it listens, with a promise for its end.
 */
async function breaksOff(port: number): Promise<{ end: Promise<unknown> }> {
  const server = createServer((request, response) => {
    if (request.method === "GET") {
      response.end("{}");
      return;
    }
    server.close();
    server.closeAllConnections();
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return { end: once(server, "close") };
}

/** How many sessions STS gave each job, by the session's name. */
function sessionsOf(site: Site): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { note } of site.world.sts.journal)
    if (note?.issued) {
      const name = note.parameters?.roleSessionName ?? "";
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  return counts;
}

function intentsIn(audit: string): string {
  return existsSync(`${audit}.intents`) ? readFileSync(`${audit}.intents`, "utf8") : "";
}

/** All have what STS has given them, and whatever it gave besides is in a record of an instance that was killed. */
function expectAccountedFor(site: Site, ended: readonly Ended[]): void {
  const issued = new Set(site.world.sts.issued.map(({ accessKeyId }) => accessKeyId));
  const records = site.brokers.flatMap(({ audit }) => audit);
  for (const { job } of ended) {
    const has = job.seen("seen").AWS_ACCESS_KEY_ID;
    expect(issued.delete(String(has))).toBe(true);
    expect(records).toContainEqual(expect.objectContaining({ access_key_id: has }));
  }
  // On disk as allowed, though the answer was lost; or nothing but the intent was there.
  const answered = records.filter(({ access_key_id: id }) => issued.has(String(id))).length;
  const interrupted = records.filter(({ decision }) => decision === "interrupted").length;
  expect(issued.size).toBeLessThanOrEqual(answered + interrupted);
  site.expectSecretsKept();
}

/** A job that has not got what STS has given to it, or whose client had to be told something. */
function troubled({ job, step }: Ended, site: Site): object[] {
  const has = job.seen("seen").AWS_ACCESS_KEY_ID;
  const isGiven = site.world.sts.issued.some(({ accessKeyId }) => accessKeyId === has);
  const words = step.stderr
    .split("\n")
    .filter((line) => /broker says|cannot be reached/.test(line));
  return step.exitCode === 0 && isGiven && words.length === 0
    ? []
    : [{ exitCode: step.exitCode, isGiven, words }];
}

describe.each(proxyNames)("%s", (name) => {
  test(
    "each instance is restarted under a hundred jobs and more: no client is told of it, and each has one session",
    patient,
    async () => {
      const site = await open(name);
      const load = new Load(site);
      for (const at of [0, 1] as const) {
        await load.more(12);
        await isAsked(site, at);
        expect(await site.brokers[at].stop()).toBe(0);
        await load.more(6);
        await site.revive(at);
        await isAsked(site, at);
      }
      const ended = await load.end(100);
      expect(ended.flatMap((it) => troubled(it, site))).toEqual([]);
      const sessions = sessionsOf(site);
      expect(sessions.size).toBe(ended.length);
      expect([...sessions].filter(([, count]) => count !== 1)).toEqual([]);
      site.expectSecretsKept();
    },
  );

  test(
    "an instance is killed under load and comes back: each job gets its credentials, and each session more is accounted for",
    patient,
    async () => {
      const site = await open(name);
      const load = new Load(site);
      await load.more(12);
      await isAsked(site, 0);
      site.brokers[0].kill("SIGKILL");
      await site.brokers[0].ended();
      await load.more(12);
      await site.revive(0);
      await isAsked(site, 0);
      const ended = await load.end(48);
      expect(ended.filter(({ step }) => step.exitCode !== 0)).toEqual([]);
      expectAccountedFor(site, ended);
    },
  );

  test.each(["log", "oidc"] as const)(
    "an instance is killed while it waits for AWS: the other serves the job, by %s, and the session that nobody got is on record",
    patient,
    async (proof) => {
      const site = await open(name);
      const barrier = site.world.sts.barrier(/./);
      const job = site.newJob();
      const step = site.obtain(proof, { from: "127.0.0.21", job });
      await barrier.arrived;
      const at = site.brokers.findIndex(({ files }) => intentsIn(files.audit) !== "") as 0 | 1;
      site.brokers[at].kill("SIGKILL");
      await site.brokers[at].ended();
      barrier.release();
      const ended = { job, step: await step };
      expect(ended.step.exitCode).toBe(0);
      expect([...sessionsOf(site).values()]).toEqual([2]);
      await site.revive(at);
      expectAccountedFor(site, [ended]);
      expect(site.brokers[at].audit).toMatchObject([{ decision: "interrupted" }]);
      expect(site.brokers[1 - at]?.audit.at(-1)).toMatchObject({ decision: "allowed", proof });
    },
  );

  test(
    "an instance ends while a request is on its way to it: the other has it, and no client is told",
    patient,
    async () => {
      const site = await open(name);
      const { port } = site.brokers[0];
      expect(await site.brokers[0].stop()).toBe(0);
      const { end } = await breaksOff(port);
      const load = new Load(site);
      await end;
      const ended = await load.end(load.ended.length + 6);
      expect(ended.flatMap((it) => troubled(it, site))).toEqual([]);
      expect([...sessionsOf(site).values()].every((count) => count === 1)).toBe(true);
      await site.revive(0);
    },
  );

  test("an instance is down from the start: the other serves all", patient, async () => {
    const site = await open(name);
    expect(await site.brokers[1].stop()).toBe(0);
    const load = new Load(site);
    const ended = await load.end(16);
    expect(ended.flatMap((it) => troubled(it, site))).toEqual([]);
    expect([...sessionsOf(site).values()].every((count) => count === 1)).toBe(true);
    await site.revive(1);
  });

  test("both instances are down: a job asks again until one is back", patient, async () => {
    const site = await open(name);
    await Promise.all(site.brokers.map((broker) => broker.stop()));
    const step = site.obtain("log", { from: "127.0.0.22" });
    await vi.waitFor(() => expect(site.proxy.log).toMatch(/"status":50[23]/), patient);
    await site.revive(1);
    const { exitCode, stderr } = await step;
    expect(stderr).toMatch(/the broker says status 50[23]; trying again/);
    expect(exitCode).toBe(0);
  });

  test(
    "an instance takes connections and answers nothing: jobs are served by the other, after one time-out",
    patient,
    async () => {
      const site = await open(name);
      // Both have connections that the proxy keeps.
      const before = new Load(site);
      await Promise.all([isAsked(site, 0), isAsked(site, 1)]);
      await before.end(12);
      site.brokers[0].kill("SIGSTOP");
      const load = new Load(site);
      const ended = await load.end(24);
      site.brokers[0].kill("SIGCONT");
      expect(ended.filter(({ step }) => step.exitCode !== 0)).toEqual([]);
    },
  );
});
