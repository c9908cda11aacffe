import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Job, Step } from "../harness/job.ts";
import { Site, type SiteOptions } from "./proxied-site.ts";
import { type ProxyName, proxyNames } from "./proxies.ts";

// Many processes at a time, on a machine that may be busy.
const patient = { timeout: 300_000 };

/** Runners at as many addresses, so that both instances have their share. */
const runners = [
  "127.0.0.11",
  "127.0.0.12",
  "127.0.0.13",
  "127.0.0.14",
  "127.0.0.15",
  "127.0.0.16",
];

interface Ended {
  readonly job: Job;
  readonly step: Step;
}

/** Jobs one after the other at each of the runners, by log and by token in turns, until it is enough. */
class Load {
  readonly ended: Ended[] = [];
  readonly #site: Site;
  readonly #all: Promise<unknown>;
  #enough = false;

  constructor(site: Site) {
    this.#site = site;
    this.#all = Promise.all(runners.map((from, at) => this.#run(from, at)));
  }

  async #run(from: string, at: number): Promise<void> {
    for (let count = at; !this.#enough; count++) {
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
});
