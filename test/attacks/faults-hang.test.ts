import { describe, expect, test, vi } from "vitest";
import { alone } from "../harness/alone.ts";
import type { Fault } from "../world/index.ts";
import {
  calls,
  expectInOrder,
  faultBench,
  insist,
  journeys,
  newCase,
} from "../harness/fault-scene.ts";

const { request, renewal, token } = calls;
const silence: Fault = { hang: true };
const trickle: Fault = { trickle: 200 };
const waits = [
  { what: "the run", journey: "request", call: request.run, fault: silence },
  { what: "the jobs, byte by byte", journey: "request", call: request.jobs, fault: trickle },
  { what: "the live feed", journey: "request", call: request["live feed"], fault: silence },
  { what: "the log's storage", journey: "request", call: request.storage, fault: trickle },
  { what: "the branch, at a renewal", journey: "renewal", call: renewal.branch, fault: silence },
  { what: "the issuer's keys", journey: "token", call: token.keys, fault: silence },
  { what: "AWS", journey: "request", call: request.AssumeRole, fault: silence },
] as const;

/** Twelve seconds for AWS, ten for any other call; and a machine that is busy. */
const longestMs = 20_000;

describe.concurrent("an answer that does not come", () => {
  test.for(waits)(
    "of $what: the job is told within its time, others are served meanwhile, and this one afterwards (F-03, F-04, F-05)",
    { timeout: 40_000 },
    ({ journey, call, fault }) =>
      alone(async (bench) => {
        if (call === undefined) throw new Error("there is no such call");
        const it = await newCase(bench);
        const begin = await journeys[journey](it, call);
        const handle = call.service(bench).fault({ ...fault, match: call.match(it.job) });
        const ask = await begin();
        const began = performance.now();
        const asked = ask();
        await bench.expectGolden();
        const others = bench.world.sts.issued.length - it.earlier.length;
        const { status, json } = await asked;
        expect(performance.now() - began).toBeLessThan(longestMs);
        const code = call === request.AssumeRole ? "aws_unavailable" : "github_unavailable";
        expect({ status, json }).toMatchObject({ status: 503, json: { code } });
        expect(handle.used).toBeGreaterThan(0);
        handle.remove();
        const lost = call === request.AssumeRole ? handle.used : 0;
        expect(others).toBe(1 + lost);
        bench.lostAnswers = lost;
        await expectInOrder(it, await insist(ask), { lost });
      }, faultBench)(),
  );
});

test(
  "real clients give up when their own time is over, and the broker in its own (F-04, F-17)",
  { timeout: 40_000 },
  alone(async (bench) => {
    const { github, sts } = bench.world;
    const [api, web, slow] = [bench.newJob(), bench.newJob(), bench.newJob()];
    const faults = [
      github.api.fault({ match: new RegExp(`/runs/${api.job.run.id}(?:$|/)`), hang: true }),
      github.web.fault({ match: new RegExp(`/runs/${web.job.run.id}/`), hang: true }),
      github.api.fault({ match: new RegExp(`/runs/${slow.job.run.id}$`), trickle: 200 }),
    ];
    const steps = Promise.all(
      [api, web, slow].map((job) => job.run("assume role", bench.request("--timeout 3s"))),
    );
    for (const step of await steps) {
      expect(step).toMatchObject({ exitCode: 4, stdout: "false\n" });
      expect(step.stderr).toContain("out of time after 3s");
    }
    await vi.waitFor(() => expect(bench.records).toHaveLength(3), 25_000);
    expect(new Set(bench.records.map(({ code }) => code))).toEqual(new Set(["github_unavailable"]));
    expect(sts.journal).toEqual([]);
    for (const fault of faults) fault.remove();
    await bench.expectGolden();
  }),
);
