import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Bench } from "../harness/bench.ts";
import { ask as get } from "../world/ask.ts";
import {
  AssumeRole,
  calls,
  expectInOrder,
  faultBench,
  insist,
  journeys,
  newCase,
} from "../harness/fault-scene.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start(faultBench);
});
afterEach(async () => {
  bench.expectSecretsKept();
  bench.begin();
  await bench.expectGolden();
  await bench.check();
});
afterAll(() => bench.stop());

describe.each(Object.keys(journeys) as (keyof typeof journeys)[])(
  "kill -9 while a %s waits for",
  (journey) => {
    test.for(Object.entries(calls[journey]))(
      "%s: after the restart the same request gets the job one session, and nothing is unrecorded (F-08, F-11)",
      async ([, call]) => {
        if (call.once) {
          await bench.kill();
          await bench.revive();
        }
        const it = await newCase(bench);
        const begin = await journeys[journey](it, call);
        const barrier = call.service(bench).barrier(call.match(it.job));
        const ask = await begin();
        const cut = ask().catch(() => "cut off");
        await get(`${bench.broker.url}/nothing`);
        await barrier.arrived;
        await bench.kill();
        expect(await cut).toBe("cut off");
        barrier.release();
        await bench.revive();

        // AWS had answered by then, though nobody heard: that is told as such.
        const lost = call === AssumeRole ? 1 : 0;
        await expectInOrder(it, await insist(ask), { lost, interrupted: lost });
      },
    );
  },
);
