import { describe, expect, test } from "vitest";
import { type Bench, useBench } from "../harness/bench.ts";
import type { Reply } from "../world/ask.ts";
import type { Job } from "../world/index.ts";
import { jobGrants, jobScenes } from "./scenes/jobs.ts";
import { play, runOf } from "./scenes/scene.ts";

const bench = useBench({ grants: jobGrants, attacks: true });

// G-08, G-09, G-10, G-24, P-03: which job is meant.
describe("of attempts and names,", () => {
  play(bench, jobScenes);
});

/** A job whose steps have the numbers 1, 2, 4 and 9. */
function gapped({ world }: Bench): Job {
  const { github } = world;
  const job = runOf(bench());
  github.addStep(job, { name: "Pre assume role", number: 2 });
  github.say(job, github.addStep(job, { name: "assume role", number: 4 }), "a line of its own");
  github.addStep(job, { name: "Post assume role", number: 9 });
  return job;
}

/** Somebody's announcement in all steps but the pinned one. */
async function announcedBeside(job: Job): Promise<() => Promise<Reply>> {
  const client = await bench().client(job);
  const challenge = await client.challenge();
  for (const step of ["Pre assume role", "Post assume role"]) client.announce(challenge, step);
  return () => client.ask(challenge);
}

function end(job: Job): void {
  for (const step of job.steps.slice(1)) bench().world.github.completeStep(job, step);
}

/** Which steps' logs GitHub was asked for: by number when they are stored, by id when they are live. */
function stepsRead(job: Job): Set<number> {
  const live = new Map(job.steps.map(({ uuid, number }) => [uuid, number]));
  const paths = bench().asked.map(({ path }) => path);
  return new Set(
    paths.flatMap((path) => {
      const [, uuid, number] =
        /\/steps\/([^/]+)\/backscroll|\/logs\/(?:\d+\/step-)?(\d+)(?:\.txt.*)?$/.exec(path) ?? [];
      return uuid || number ? [live.get(uuid ?? "") ?? Number(number)] : [];
    }),
  );
}

describe("of steps whose numbers have gaps,", () => {
  test.for(["in progress", "ended"])(
    "the pinned one's log is read, and no other, while they are %s (G-27)",
    async (state) => {
      const job = gapped(bench());
      await announcedBeside(job);
      const honest = await bench().client(job);
      const challenge = await honest.challenge();
      honest.announce(challenge);
      if (state === "ended") end(job);
      const reply = await honest.ask(challenge);
      expect(await honest.credentialsIn(reply)).toHaveProperty("SessionToken");
      expect(stepsRead(job)).toEqual(new Set([4]));
    },
  );

  test("a key in a step whose number is the pinned one's place, or another, is none (G-27)", async () => {
    const job = gapped(bench());
    const ask = await announcedBeside(job);
    end(job);
    await bench().expectDenied(await ask(), "proof_invalid");
    expect(stepsRead(job)).toEqual(new Set([4]));
  });
});
