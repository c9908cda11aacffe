import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import type { Fault } from "../world/index.ts";
import {
  AssumeRole,
  calls,
  expectInOrder,
  faultBench,
  insist,
  journeys,
  newCase,
} from "../harness/fault-scene.ts";

const bench = useBench(faultBench);

const faults: Readonly<Record<string, Fault>> = {
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

describe.each(Object.keys(journeys) as (keyof typeof journeys)[])("of a %s", (journey) => {
  const table = Object.entries(calls[journey]).flatMap(([name, call]) =>
    Object.entries(faults).map(([what, fault]) => ({ name, call, what, fault })),
  );
  test.for(table)(
    "$name is $what for a while: asked again, the job gets one session (F-03, F-04, F-05)",
    async ({ call, fault }) => {
      if (call.once) await bench().restart();
      const it = await newCase(bench());
      const begin = await journeys[journey](it, call);
      const handle = call.service(bench()).fault({ ...fault, match: call.match(it.job) });
      const ask = await begin();
      const refused = await ask();
      const code = call === AssumeRole ? "aws_unavailable" : "github_unavailable";
      expect(refused).toMatchObject({ status: 503, json: { code } });
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(handle.used).toBeGreaterThan(0);
      handle.remove();

      const lost = call === AssumeRole ? handle.used : 0;
      bench().lostAnswers = lost;
      const again = await insist(ask);
      await expectInOrder(it, again, { lost });
      // And once more: the same answer, not another session.
      expect((await ask()).text).toBe(again.text);
      bench().repeated = 1;
    },
  );
});
