import { describe, expect, test } from "vitest";
import { makeChallenge } from "../../src/core/challenge.ts";
import { Secret } from "../../src/core/secret.ts";
import { SigningKey } from "../../src/server/signing-key.ts";
import { useBench } from "../harness/bench.ts";
import { signingKey } from "../harness/broker.ts";
import type { Body, Challenge, Client } from "../harness/client.ts";
import type { Job } from "../harness/job.ts";

const bench = useBench({ attacks: true });

const codeOf = ({ json }: { json: unknown }): string | undefined => (json as Body).code;

describe("somebody who copies the public announcement", () => {
  test("gains and spoils nothing in 50 tries, while the honest client goes on (L-15)", async () => {
    const { world } = bench();
    // The announcement is public before the broker has read it.
    world.github.drainDelay = 800;
    const job = bench().newJob();
    const honest = job.run(
      "assume role",
      `eval $(${bench().request()})\nenv > "$RUNNER_TEMP/seen"`,
    );
    const announcement = await expect
      .poll(() => /PROOF: (age1\S+) (\S+)$/m.exec(job.job.steps.at(-1)?.log ?? ""), {
        interval: 10,
      })
      .not.toBeNull()
      .then(() => /PROOF: (age1\S+) (\S+)$/m.exec(job.job.steps.at(-1)?.log ?? ""));
    const [, publicKey = "", challenge = ""] = announcement ?? [];
    const thief = await bench().client(job.job);
    const tickets = [
      challenge,
      `${challenge}.`,
      `${challenge}.AAAAAAAAAAAAAAAAAAAAAA`,
      "x",
      `${challenge}.${challenge}`,
    ];
    const tries = Array.from({ length: 50 }, (_, index) =>
      thief.ask({ ticket: tickets[index % tickets.length] ?? "" }, { public_key: publicKey }),
    );
    const codes = (await Promise.all(tries)).map(codeOf);
    expect(new Set(codes)).toEqual(new Set(["challenge_invalid"]));
    expect(await honest).toMatchObject({ exitCode: 0 });
    world.github.drainDelay = 0;
    expect(world.sts.assumed).toHaveLength(1);
    expect(job.seen("seen").AWS_ACCESS_KEY_ID).toBe(world.sts.issued[0]?.accessKeyId);
  });

  test("cannot open the ticket of a challenge asked for in another's name", async () => {
    const honest = await bench().client();
    const thief = await bench().client();
    await expect(thief.challenge({ public_key: honest.publicKey })).rejects.toThrow(
      "no identity matched",
    );
    await expect(honest.obtain()).resolves.toBeDefined();
  });

  test("gets, with the honest client's whole request sent again, the same answer for the same key (H-12)", async () => {
    const honest = await bench().client();
    const challenge = await honest.challenge();
    honest.announce(challenge);
    bench().repeated = 19;
    const replies = await Promise.all(Array.from({ length: 20 }, () => honest.ask(challenge)));
    const given = await Promise.all(replies.map((reply) => honest.credentialsIn(reply)));
    expect(new Set(given.map(({ AccessKeyId }) => AccessKeyId)).size).toBe(1);
    expect(bench().world.sts.assumed).toHaveLength(1);
  });
});

describe("a ticket is good for what it was made for alone:", () => {
  const uses: Record<string, (client: Client) => Promise<object>> = {
    "not for another run": async () => ({ run_id: bench().newJob().job.run.id }),
    "not for another attempt": async () => ({ run_attempt: 2 }),
    "not for another repository": async () => ({ repository: "acme/other" }),
    "not for another key": async () => ({ public_key: (await bench().client()).publicKey }),
  };
  test.for(Object.entries(uses))("%s", async ([, changesFor]) => {
    const client = await bench().client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const reply = await client.ask(challenge, await changesFor(client));
    expect([reply.status, codeOf(reply)]).toEqual([
      403,
      expect.stringMatching(/^(?:challenge_invalid|no_grant)$/),
    ]);
    expect(bench().world.sts.journal).toEqual([]);
    // Its own use is not spoiled by that.
    expect((await client.ask(challenge)).status).toBe(200);
  });

  test("not for a second role or a longer time once it was used", async () => {
    const client = await bench().client();
    const challenge = await client.challenge();
    client.announce(challenge);
    expect((await client.ask(challenge)).status).toBe(200);
    const again = await client.ask(challenge, { duration_seconds: 3_600 });
    expect([again.status, codeOf(again)]).toEqual([403, "challenge_invalid"]);
    expect(bench().world.sts.assumed).toHaveLength(1);
  });

  test("not after five minutes", async () => {
    const job = bench().newJob();
    const client = await bench().client(job.job);
    const old = madeBy(signingKey, job, client, Date.now() - 6 * 60_000);
    client.announce(old);
    const reply = await client.ask(old);
    expect([reply.status, codeOf(reply)]).toEqual([403, "challenge_expired"]);
    expect(bench().world.sts.journal).toEqual([]);
    await bench().expectGolden();
  });

  test("not when another signing key made it", async () => {
    const job = bench().newJob();
    const client = await bench().client(job.job);
    const forged = madeBy(
      "another-signing-key-of-more-than-32-characters",
      job,
      client,
      Date.now(),
    );
    client.announce(forged);
    const reply = await client.ask(forged);
    expect([reply.status, codeOf(reply)]).toEqual([403, "challenge_invalid"]);
    expect(bench().world.sts.journal).toEqual([]);
    await bench().expectGolden();
  });
});

/** A challenge and its ticket as a broker with this signing key makes them at that time. */
function madeBy(key: string, { job }: Job, { publicKey }: Client, now: number): Challenge {
  const binding = {
    serverUrl: bench().world.github.webUrl,
    repository: "acme/app",
    runId: job.run.id,
    runAttempt: 1,
    publicKey,
  };
  return makeChallenge(new SigningKey(new Secret(key)), binding, now, "AAAAAAAAAAAAAAAA");
}

describe("an announcement counts in the pinned step alone:", () => {
  test("in another step it proves nothing, whatever the request calls it (L-01)", async () => {
    const job = bench().newJob();
    const { github } = bench().world;
    github.addStep(job.job, { name: "lint" });
    const client = await bench().client(job.job);
    github.completeStep(job.job, "assume role");
    const challenge = await client.challenge();
    client.announce(challenge, "lint");
    const replies = [
      await client.ask(challenge),
      await client.ask(challenge, { step: "assume role" }),
      await client.ask(challenge, { step: "lint" }),
    ];
    expect(replies.map(codeOf)).toEqual(["proof_invalid", "proof_invalid", "no_grant"]);
    expect(bench().world.sts.journal).toEqual([]);
    await bench().expectGolden();
  });

  test("in a job with two steps of that name nobody can tell which is meant (L-14)", async () => {
    const job = bench().newJob();
    bench().world.github.addStep(job.job, { status: "queued" });
    bench().world.github.addStep(job.job, { status: "queued" });
    const step = await job.run("assume role", `eval $(${bench().request("--timeout 5s")})`);
    expect(step.exitCode).toBe(1);
    expect(step.stderr).toContain("proof_ambiguous");
    expect(bench().world.sts.journal).toEqual([]);
    await bench().expectGolden();
  });

  test("beside the announcement of another key neither is served (L-07)", async () => {
    const job = bench().newJob();
    bench().world.github.addStep(job.job);
    const [one, other] = [await bench().client(job.job), await bench().client(job.job)];
    const challenges = [await one.challenge(), await other.challenge()] as const;
    one.announce(challenges[0]);
    other.announce(challenges[1]);
    const replies = [await one.ask(challenges[0]), await other.ask(challenges[1])];
    expect(replies.map(codeOf)).toEqual(["proof_ambiguous", "proof_ambiguous"]);
    expect(bench().world.sts.journal).toEqual([]);
    await bench().expectGolden();
  });

  test("as a real process it is told of the other's announcement (L-07)", async () => {
    const other = await bench().client();
    const { challenge } = await other.challenge();
    const job = bench().newJob();
    const step = await job.run(
      "assume role",
      `echo "ACTIONS2AWS PROOF: ${other.publicKey} ${challenge}"
eval $(${bench().request("--timeout 5s")})`,
    );
    expect(step.exitCode).toBe(1);
    expect(step.stderr).toMatch(/proof_ambiguous.*another process of this job announces a key too/);
    expect(bench().world.sts.journal).toEqual([]);
    await bench().expectGolden();
  });

  test.for([
    ["colours around it (L-21)", (line: string) => `\u001b[31m${line}\u001b[0m`],
    ["text before it (L-06)", (line: string) => `title: ${line}`],
    ["text behind it (L-06)", (line: string) => `${line} and more`],
    ["a blank behind it (L-06)", (line: string) => `${line} `],
    ["a debug mark before it (L-19)", (line: string) => `##[debug]${line}`],
    ["a newline of a workflow command before it (L-04)", (line: string) => `::notice::x%0A${line}`],
    ["a line separator before it (L-05)", (line: string) => `x\u2028${line}`],
  ] as const)("with %s it is none", async ([, spoil]) => {
    const job = bench().newJob();
    const { github } = bench().world;
    const client = await bench().client(job.job);
    const challenge = await client.challenge();
    const line = `ACTIONS2AWS PROOF: ${client.publicKey} ${challenge.challenge}`;
    github.say(job.job, "assume role", spoil(line));
    const asked = client.ask(challenge);
    // The step ends, so that the broker need not wait for another line.
    setTimeout(() => github.completeStep(job.job, "assume role"), 50);
    const reply = await asked;
    expect(codeOf(reply)).toBe("proof_invalid");
    expect(bench().world.sts.journal).toEqual([]);
  });

  test("in a pinned step that has failed it is none (L-07)", async () => {
    const job = bench().newJob();
    const client = await bench().client(job.job);
    const challenge = await client.challenge();
    client.announce(challenge);
    bench().world.github.completeStep(job.job, "assume role", "failure");
    expect(codeOf(await client.ask(challenge))).toBe("proof_invalid");
    expect(bench().world.sts.journal).toEqual([]);
    await bench().expectGolden();
  });

  test("in the log of a pinned step that has just ended well it counts, and the cookie stays off the log's storage (F-01)", async () => {
    const job = bench().newJob();
    const client = await bench().client(job.job);
    const challenge = await client.challenge();
    client.announce(challenge);
    bench().world.github.completeStep(job.job, "assume role");
    await expect(client.credentialsIn(await client.ask(challenge))).resolves.toBeDefined();
    expect(bench().world.github.storage.journal).toHaveLength(1);
  });
});
