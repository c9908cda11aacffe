import fc from "fast-check";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { Bench } from "../harness/bench.ts";
import type { Reply } from "../world/ask.ts";
import type { Fault } from "../world/index.ts";
import {
  calls,
  type Case,
  faultBench,
  insist,
  journeys,
  linesOf,
  newCase,
} from "../harness/fault-scene.ts";

const faults: Readonly<Record<string, Fault>> = {
  "500": { status: 500 },
  "429": { status: 429, headers: { "retry-after": "1" } },
  reset: { reset: true },
  half: { status: 200, truncate: true },
  page: { status: 200, body: "<!DOCTYPE html>", headers: { "content-type": "text/html" } },
  late: { delay: 300 },
};

const journey = fc.constantFrom(...(Object.keys(journeys) as (keyof typeof journeys)[]));
const blow = fc.record({
  call: fc.constantFrom(...Object.keys(calls.request), ...Object.keys(calls.token)),
  what: fc.constantFrom(...Object.keys(faults), "kill -9"),
  times: fc.integer({ min: 1, max: 4 }),
});
type Blow = typeof blow extends fc.Arbitrary<infer T> ? T : never;

/** Strikes at the calls of one case; a kill is followed by a restart. */
class Trouble {
  readonly #it: Case;
  #kills = 0;
  #restarting: Promise<void> = Promise.resolve();

  constructor(it: Case, blows: readonly Blow[], known: (typeof calls)[keyof typeof calls]) {
    this.#it = it;
    for (const { call: name, what, times } of blows) {
      const call = known[name];
      if (call === undefined) continue;
      const match = call.match(it.job);
      const fault = faults[what];
      if (fault) call.service(it.bench).fault({ ...fault, match, times });
      else
        void call
          .service(it.bench)
          .barrier(match)
          .arrived.then(() => this.#kill());
    }
  }

  get kills(): number {
    return this.#kills;
  }

  /** Goes on asking while the broker is away. */
  async survive<T>(act: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        return await act();
      } catch (error) {
        if (tries === 20) throw error;
        await pause(100);
        await this.#restarting;
      }
    }
  }

  #kill(): void {
    this.#kills += 1;
    this.#restarting = this.#restarting.then(async () => {
      await this.#it.bench.kill();
      await this.#it.bench.revive();
    });
  }
}

/** What holds whatever happened, and in what order. */
async function expectTrueRecords(it: Case, last: Reply, kills: number): Promise<void> {
  const { AccessKeyId } = await it.client.credentialsIn(last);
  const ofJob = (name: unknown): boolean => String(name).endsWith(`-${it.job.id}`);
  const records = linesOf(it.bench.files.audit).filter((record) => ofJob(record.session_name));
  const idsOf = (decision: string) =>
    records.filter((record) => record.decision === decision).map((record) => record.access_key_id);
  const allowed = idsOf("allowed");
  expect(allowed).toEqual(expect.arrayContaining([...it.earlier, AccessKeyId]));
  expect(new Set(allowed).size).toBe(allowed.length);
  // One for the request, and what a kill took away on its way to the job.
  expect(allowed.length - it.earlier.length).toBeLessThanOrEqual(1 + kills);
  expect(idsOf("interrupted").length).toBeLessThanOrEqual(kills);
  const issued = it.bench.world.sts.journal.filter(({ note }) => note?.issued);
  const named = records.map((record) => record.session_name);
  for (const { note } of issued) {
    const session = note?.parameters?.roleSessionName;
    if (ofJob(session)) expect(named).toContain(session);
  }
  const ids = issued.map(({ note }) => note?.issued?.accessKeyId);
  expect(ids).toEqual(expect.arrayContaining(allowed));
}

test(
  "whatever strikes, wherever and in whatever order: no session without its record, none for two, and the job ends with its own (F-03, F-04, F-05, F-06, F-08)",
  { timeout: 120_000 },
  async () => {
    const bench = await Bench.start(faultBench);
    try {
      await fc.assert(
        fc.asyncProperty(
          journey,
          fc.array(blow, { minLength: 1, maxLength: 5 }),
          async (way, blows) => {
            const it = await newCase(bench);
            const begin = await journeys[way](it, {});
            const trouble = new Trouble(it, blows, calls[way]);
            const ask = await trouble.survive(begin);
            const last = await trouble.survive(() => insist(ask));
            await expectTrueRecords(it, last, trouble.kills);
            bench.expectSecretsKept();
          },
        ),
        { numRuns: 12, endOnFailure: true },
      );
      bench.begin();
      await bench.expectGolden();
      await bench.check();
    } finally {
      await bench.stop();
    }
  },
);
