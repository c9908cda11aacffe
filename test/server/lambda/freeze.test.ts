import { afterEach, describe, expect, test, vi } from "vitest";
import type { Body, Client } from "../../harness/client.ts";
import type { Job } from "../../world/index.ts";
import { LambdaFunction } from "./function.ts";

const minutes = 60_000;
/** Before anything is replaced. */
const { now: wall } = Date;
const steady = performance.now.bind(performance);

/** As Lambda does between two requests: for the process no time has passed, for the rest of the world it has. */
function freeze(forMs: number): void {
  const at = steady();
  vi.spyOn(performance, "now").mockReturnValue(at);
  vi.spyOn(Date, "now").mockImplementation(() => wall() + forMs);
}

afterEach(() => vi.restoreAllMocks());

/** A job beside the golden one, in a run of its own. */
function otherJob({ world, golden }: LambdaFunction): Job {
  const job = world.github.addJob(world.github.addRun(golden.repository));
  world.github.addStep(job);
  return job;
}

async function announced(client: Client) {
  const challenge = await client.challenge();
  client.announce(challenge);
  return challenge;
}

describe("G-08, H-11: GitHub's answers of before a freeze are old after it:", () => {
  test("a job that has ended meanwhile has no role, though it had just been seen in progress", async () => {
    const it = await LambdaFunction.open();
    const job = otherJob(it);
    const client = await it.client(job);
    const challenge = await announced(client);
    // Looked up from end to end, and refused for its duration.
    await client.ask(challenge, { duration_seconds: 43_200 });
    const issued = it.world.sts.assumed.length;
    const again = await announced(client);
    freeze(3 * minutes);
    it.world.github.completeJob(job);
    const reply = await client.ask(again);
    expect([reply.status, (reply.json as Body).code]).toEqual([403, "not_in_progress"]);
    expect(it.world.sts.assumed).toHaveLength(issued);
  });

  test("and a job that goes on has it, by new answers", async () => {
    const it = await LambdaFunction.open();
    const client = await it.client();
    const challenge = await announced(client);
    freeze(3 * minutes);
    it.world.github.clearJournal();
    await client.credentialsIn(await client.ask(challenge));
    const asked = it.world.github.api.journal.map(({ path }) => path.split("?")[0]);
    expect(asked).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/runs\/5001$/),
        expect.stringMatching(/attempts\/1\/jobs$/),
        expect.stringMatching(/git\/ref\/heads\/main$/),
      ]),
    );
  });
});

describe("what was under way when the function was frozen does no harm:", () => {
  test.each([
    ["the run", "api", /runs\/5001$/],
    ["the jobs", "api", /attempts\/1\/jobs/],
    ["the job's page", "web", /job\/7001/],
  ] as const)("%s was being looked up, and the other side is gone", async (_, service, match) => {
    const it = await LambdaFunction.open();
    const client = await it.client();
    const fault = it.world.github[service].fault({ match, hang: true, times: 1 });
    const challenge = await announced(client);
    await expect.poll(() => fault.used).toBe(1);
    freeze(3 * minutes);
    const began = steady();
    await client.credentialsIn(await client.ask(challenge));
    // Nobody waited for the connection that says nothing.
    expect(steady() - began).toBeLessThan(9_000);
  });

  test("connections that ended meanwhile are not what a job hears of", async () => {
    const it = await LambdaFunction.open();
    const client = await it.client();
    await client.obtain();
    const other = await it.client(otherJob(it));
    const challenge = await announced(other);
    for (const service of [it.world.github.api, it.world.github.web, it.world.sts])
      service.fault({ reset: true, times: 1 });
    freeze(3 * minutes);
    await expect(other.credentialsIn(await other.ask(challenge))).resolves.toBeDefined();
  });
});

test("a challenge holds five minutes, however long of them the function was frozen (H-02)", async () => {
  const it = await LambdaFunction.open();
  const client = await it.client();
  const challenge = await announced(client);
  freeze(6 * minutes);
  expect((await client.ask(challenge)).json).toMatchObject({ code: "challenge_expired" });
  expect(it.world.sts.journal).toEqual([]);
  vi.restoreAllMocks();
  await client.credentialsIn(await client.ask(challenge));
});
