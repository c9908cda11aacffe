import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { inEach, logKinds, LogScene, logSetting, storedKinds } from "../harness/log-scene.ts";
import type { Fault, Service } from "../world/index.ts";

/** The most memory that a broker may take, whatever GitHub's hosts send to it (L-13). An idle one takes some 110 MB. */
const boundMB = 400;

/** A call of GitHub is given up after ten seconds; a machine may be busy besides. */
const longestMs = 30_000;

const bench = useBench(logSetting);
const github = () => bench().world.github;
const mega = 2 ** 20;

/** The most that it has ever taken. */
function peakMB(): number {
  const status = readFileSync(`/proc/${bench().broker.pid}/status`, "utf8");
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return Number(kilobytes) / 1024;
}

afterEach(() => {
  expect(peakMB()).toBeLessThan(boundMB);
});

const lines = Buffer.from(
  "2026-01-01T00:00:00.1234567Z ACTIONS2AWS PUBKEY: age1 and so on, for ever and ever\n".repeat(
    1_000,
  ),
);
const times = (body: Buffer, size: number): Buffer =>
  Buffer.concat(Array.from({ length: Math.ceil(size / body.length) }, () => body));

const endless: Record<string, Fault> = {
  "lines without an end": { body: lines, endless: true },
  "one line without an end": { body: "x".repeat(65_536), endless: true },
};
const finite: Record<string, Fault> = {
  "a hundred megabytes of lines": { body: times(lines, 100 * mega) },
  "one line of fifty megabytes": { body: Buffer.alloc(50 * mega, "x") },
};
const bomb: Record<string, Fault> = {
  "a gigabyte packed into one megabyte": {
    body: Buffer.concat(Array.from({ length: 16 }, () => packed())),
    headers: { "content-encoding": "gzip" },
  },
};

function packed(): Buffer {
  return gzipSync(Buffer.alloc(64 * mega));
}

/** Where a broker reads something of a job, and what it says when that is too much. */
interface Source {
  readonly service: () => Service;
  readonly match: (at: Pick<LogScene, "job" | "step">) => RegExp;
  readonly code: "proof_invalid" | "github_unavailable";
  readonly floods: Record<string, Fault>;
}

const sources: Record<string, Source> = {
  "a log's storage": {
    service: () => github().storage,
    match: ({ job, step }) => new RegExp(`/logs/${job.internalId}/step-${step.number}\\.txt`),
    code: "proof_invalid",
    floods: { ...endless, ...finite, ...bomb },
  },
  "a log that GitHub gives without its storage": {
    service: () => github().web,
    match: ({ job, step }) => new RegExp(`/checks/${job.id}/logs/${step.number}`),
    code: "proof_invalid",
    floods: { ...endless, ...bomb },
  },
  "the list of a job's steps": {
    service: () => github().web,
    match: ({ job }) => new RegExp(`/jobs/${job.internalId}/steps\\?`),
    code: "github_unavailable",
    floods: { ...endless, ...bomb },
  },
  "a job's page": {
    service: () => github().web,
    match: ({ job }) => new RegExp(`/job/${job.id}$`),
    code: "github_unavailable",
    floods: { ...endless, ...bomb },
  },
  "a run": {
    service: () => github().api,
    match: ({ job }) => new RegExp(`/actions/runs/${job.run.id}$`),
    code: "github_unavailable",
    floods: { ...endless, ...bomb },
  },
  "a run's jobs": {
    service: () => github().api,
    match: ({ job }) => new RegExp(`/actions/runs/${job.run.id}/attempts/1/jobs`),
    code: "github_unavailable",
    floods: { ...endless, ...bomb },
  },
};

describe.each(Object.entries(sources))("in place of %s,", (_, { service, match, code, floods }) => {
  test.for(Object.entries(floods))(
    "%s: refused in time and within the bound, while an honest job is served (L-13)",
    async ([flood, fault]) => {
      const expected = flood in bomb ? "github_unavailable" : code;
      const faults: { remove: () => void }[] = [];
      await inEach(
        bench(),
        storedKinds,
        async (scene) => {
          scene.announce();
          const begun = performance.now();
          const asked = scene.ask();
          await bench().expectGolden();
          expect([scene.kind, await asked]).toEqual([
            scene.kind,
            { honest: expected, attacker: expected },
          ]);
          expect(performance.now() - begun).toBeLessThan(longestMs);
          expect(scene.sessions).toBe(0);
        },
        (at) => void faults.push(service().fault({ match: match(at), status: 200, ...fault })),
      );
      for (const handle of faults) handle.remove();
    },
  );
});

test("a live feed without an end is no answer (L-13)", async () => {
  const bodies = ['{"lines":[', '{"lines":[{"line":"', '{"id":"1","line":"x"},'];
  await Promise.all(
    bodies.map(async (body) => {
      const scene = await LogScene.of(bench(), "live feed");
      scene.announce();
      const match = new RegExp(`/${scene.step.uuid}/backscroll`);
      const fault = github().web.fault({ match, body: body.repeat(1_000), endless: true });
      const expected = "github_unavailable";
      expect(await scene.ask()).toEqual({ honest: expected, attacker: expected });
      fault.remove();
      await scene.expectServed();
    }),
  );
});

test("a log that comes byte by byte is given up in time (L-13)", async () => {
  await inEach(bench(), logKinds, async (scene) => {
    scene.announce();
    const slow = { body: lines, trickle: 100 };
    const { storage, web } = github();
    const handles = [
      storage.fault({ match: new RegExp(`/logs/${scene.job.internalId}/`), ...slow }),
      web.fault({ match: new RegExp(`/${scene.step.uuid}/backscroll`), ...slow }),
    ];
    const begun = performance.now();
    const asked = scene.ask();
    await bench().expectGolden();
    expect([scene.kind, (await asked).honest]).toEqual([scene.kind, "github_unavailable"]);
    expect(performance.now() - begun).toBeLessThan(longestMs);
    for (const handle of handles) handle.remove();
    await scene.expectServed();
  });
});

/** Logs that are nearly as large as may be, and hard to read: whole ones are judged like any other. */
const hard: Record<string, string> = {
  "empty lines": "\n",
  "lines of one letter": "x\n",
  "lines with a time and nothing else": "2026-01-01T00:00:00.1234567Z \n",
  "lines that begin like an announcement":
    "2026-01-01T00:00:00.1234567Z ACTIONS2AWS PUBKEY: age1\n",
  "lines with stars": "2026-01-01T00:00:00.1234567Z ***\n",
  "one line of letters": "x",
  "one line of bytes that are none of UTF-8": "\u00ff",
};

test.for(Object.entries(hard))(
  "four logs at once of nearly four megabytes, of %s, are read whole within the bound (L-13)",
  async ([, unit]) => {
    const body = times(Buffer.from(unit.repeat(1_000), "latin1"), 3.9 * mega);
    const kinds = Array.from({ length: 4 }, (_, index) => storedKinds[index % 2] ?? "stored log");
    await inEach(bench(), kinds, async (scene) => {
      const text = `${scene.stamp()} begin\n`;
      const last = `\n${scene.stamp()} ${scene.honest.line}\n`;
      const whole = Buffer.concat([Buffer.from(text), body, Buffer.from(last)]);
      const match = new RegExp(`/logs/${scene.job.internalId}/`);
      const fault = github().storage.fault({ match, body: whole });
      await scene.expectServed();
      fault.remove();
    });
  },
);
