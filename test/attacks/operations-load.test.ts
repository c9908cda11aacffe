import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { describe, expect, test, vi } from "vitest";
import { alone } from "../harness/alone.ts";
import type { Bench } from "../harness/bench.ts";
import { signingKey } from "../harness/broker.ts";
import { madeBy } from "../harness/challenges.ts";
import { type Body, Client } from "../harness/client.ts";
import type { Job } from "../world/index.ts";
import { wideLimits } from "../harness/config.ts";

/** What a process holds, looked at all the while. */
class Gauge {
  mebibytes = 0;
  descriptors = 0;
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.#pid = pid;
    this.look();
    this.#timer = setInterval(() => this.look(), 50);
  }

  look(): void {
    const [, kib] =
      /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.#pid}/status`, "utf8")) ?? [];
    this.mebibytes = Math.max(this.mebibytes, Number(kib) / 1_024);
    this.descriptors = Math.max(this.descriptors, readdirSync(`/proc/${this.#pid}/fd`).length);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** With challenges that cost no request. */
function strangers({ world, broker }: Bench, jobs: readonly Job[]) {
  return Promise.all(
    jobs.map(async (job) => {
      const client = await Client.of(world, broker.url, job);
      return { client, challenge: madeBy(signingKey, world, job, client.publicKey, Date.now()) };
    }),
  );
}

function manyJobs({ world }: Bench, status: "queued" | "in_progress", count: number): Job[] {
  return Array.from({ length: count / 100 }, () =>
    world.github.matrix({ jobs: 100, job: { status } }),
  ).flatMap(({ jobs }) => jobs);
}

async function flood(bench: Bench, jobs: readonly Job[]) {
  const asking = await strangers(bench, jobs);
  const gauge = new Gauge(bench.broker.pid);
  try {
    // Of a run that has been served before, and so is looked up whatever others look up in vain.
    const honest = await bench.client(bench.golden.job);
    await honest.obtain();
    const replies = Promise.all(asking.map(({ client, challenge }) => client.ask(challenge)));
    await honest.obtain();
    const codes = (await replies).map(({ json }) => (json as Body).code);
    gauge.look();
    return { codes: new Set(codes), gauge };
  } finally {
    gauge.stop();
  }
}

/** Requests' own connections, and the few by which others are asked. */
const mostDescriptors = 500 + 250;
const mostMebibytes = 300;

async function expectBounded({ broker }: Bench, gauge: Gauge): Promise<void> {
  expect(gauge.mebibytes).toBeLessThan(mostMebibytes);
  expect(gauge.descriptors).toBeLessThan(mostDescriptors);
  expect(broker.running).toBe(true);
}

describe("five hundred requests at once", () => {
  test(
    "for jobs that are queued do not wait, and take little (F-17)",
    { timeout: 60_000 },
    alone(
      async (bench) => {
        const { codes, gauge } = await flood(bench, manyJobs(bench, "queued", 500));
        expect(codes).toContain("not_in_progress");
        // Who looks up too much in vain is told so.
        expect(
          [...codes].filter((code) => !/^(?:not_in_progress|rate_limited)$/.test(String(code))),
        ).toEqual([]);
        await expectBounded(bench, gauge);
        // Five runs, each looked at for all of its jobs together; and a page for each job.
        const api = bench.asked.filter(({ service }) => service === "api");
        expect(api.length).toBeLessThan(600);
        expect(bench.asked.length).toBeLessThan(500 + 600);
      },
      { settings: wideLimits },
    ),
  );

  test(
    "for jobs whose line does not come share their looks, wait for a bounded time, and take little (F-17)",
    { timeout: 90_000 },
    alone(
      async (bench) => {
        const jobs = manyJobs(bench, "in_progress", 100);
        const five = jobs.flatMap((job) => Array.from({ length: 5 }, () => job));
        const { codes, gauge } = await flood(bench, five);
        expect(codes).toEqual(new Set(["proof_pending"]));
        await expectBounded(bench, gauge);
        const looks = bench.asked.filter(({ path }) => path.includes("/steps?"));
        // About a dozen in its eight seconds, for each job and not for each request.
        expect(looks.length).toBeLessThan(100 * 20);
      },
      { settings: wideLimits },
    ),
  );

  test(
    "at a broker that may open next to no files: nobody is given what is not recorded, and all is well when they are gone (F-17)",
    { timeout: 60_000 },
    alone(
      async (bench) => {
        await bench.expectGolden();
        const client = await bench.client();
        const challenge = await client.challenge();
        const asked = client.ask(challenge);
        const looking = (): boolean => bench.asked.some(({ path }) => path.includes(`/steps?`));
        await vi.waitFor(() => expect(looking()).toBe(true), 10_000);
        const opening = Array.from({ length: 300 }, () => opened(bench.broker.port));
        const sockets = await Promise.all(opening);
        const held = (): number => readdirSync(`/proc/${bench.broker.pid}/fd`).length;
        await vi.waitFor(() => expect(held()).toBeGreaterThan(90), 10_000);
        client.announce(challenge);
        // There may be a file left for it, or not; what it is told is what the records say.
        expect([200, 409, 503]).toContain((await asked).status);
        for (const socket of sockets) socket.destroy();
        await vi.waitFor(() => bench.expectGolden(), { timeout: 20_000, interval: 500 });
        expect(bench.broker.running).toBe(true);
      },
      { settings: wideLimits, broker: { within: ["bash", "-c", 'ulimit -n 96; exec "$0" "$@"'] } },
    ),
  );
});

/** A connection that is held without a word; the kernel takes it even when the broker can't. */
function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.on("error", reject);
  });
}
