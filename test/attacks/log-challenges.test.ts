import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { signingKey } from "../harness/broker.ts";
import { madeBy } from "../harness/challenges.ts";
import type { Challenge, Client } from "../harness/client.ts";
import { inEach, logSetting, proofKinds, LogScene } from "../harness/log-scene.ts";
import { codeOf } from "../harness/requests.ts";

const bench = useBench(logSetting);
const world = () => bench().world;

describe("somebody who copies the public announcement", () => {
  test("gains and spoils nothing in 50 tries, while the honest client goes on (L-15)", async () => {
    // The announcement is public before the broker has read it.
    world().github.drainDelay = 800;
    const job = bench().newJob();
    const honest = job.run(
      "assume role",
      `eval $(${bench().request()})\nenv > "$RUNNER_TEMP/seen"`,
    );
    const announced = (): RegExpExecArray | null =>
      /PROOF: (age1\S+) (\S+)$/m.exec(job.job.steps.at(-1)?.log ?? "");
    await expect.poll(announced, { interval: 10, timeout: 10_000 }).not.toBeNull();
    const [, publicKey = "", challenge = ""] = announced() ?? [];
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
    world().github.drainDelay = 0;
    expect(world().sts.assumed).toHaveLength(1);
    expect(job.seen("seen").AWS_ACCESS_KEY_ID).toBe(world().sts.issued[0]?.accessKeyId);
  });

  test("before the honest client has asked even once gains and spoils nothing either (L-15)", async () => {
    const scenes = await Promise.all(proofKinds.map((kind) => LogScene.of(bench(), kind)));
    for (const scene of scenes) {
      scene.announce();
      scene.end();
      const { honest, attacker } = scene;
      const { challenge } = honest.challenge;
      const proof = (ticket: string): string => ticket.split(".").at(-1) ?? "";
      const tickets = [
        challenge,
        `${challenge}.`,
        `${challenge}.AAAAAAAAAAAAAAAAAAAAAA`,
        `${challenge}.${proof(attacker.challenge.ticket)}`,
        `${challenge}.${proof(challenge)}`,
        attacker.challenge.ticket,
      ];
      for (const ticket of tickets) {
        const { publicKey: public_key } = honest.client;
        const reply = await attacker.client.ask({ ticket }, { public_key });
        await bench().expectDenied(reply, "challenge_invalid");
      }
    }
    for (const scene of scenes) await scene.expectServed();
  });

  test("cannot open the ticket of a challenge asked for in another's name (L-15)", async () => {
    const [honest, thief] = [await bench().client(), await bench().client()];
    await expect(thief.challenge({ public_key: honest.publicKey })).rejects.toThrow(
      "no identity matched",
    );
    await expect(honest.obtain()).resolves.toBeDefined();
  });

  test("gets, with the honest client's whole request sent again, the same answer for the same key (L-15, H-12)", async () => {
    await inEach(bench(), proofKinds, async (scene) => {
      scene.announce();
      scene.end();
      const { client, challenge } = scene.honest;
      bench().repeated += 19;
      const replies = await Promise.all(Array.from({ length: 20 }, () => client.ask(challenge)));
      const given = await Promise.all(replies.map((reply) => client.credentialsIn(reply)));
      expect(new Set(given.map(({ AccessKeyId }) => AccessKeyId)).size).toBe(1);
      expect(scene.sessions).toBe(1);
    });
  });
});

/** A challenge and its ticket that this broker, or another, may have made at some time. */
const made = (key: string, { job }: LogScene, { publicKey }: Client, age: number): Challenge =>
  madeBy(key, world(), job, publicKey, Date.now() - age);

describe("a ticket is good for what it was made for alone:", () => {
  const uses: Record<string, (client: Client) => Promise<object>> = {
    "not for another run": async () => ({ run_id: bench().newJob().job.run.id }),
    "not for another attempt": async () => ({ run_attempt: 2 }),
    "not for another repository": async () => ({ repository: "acme/other" }),
    "not for another key": async () => ({ public_key: (await bench().client()).publicKey }),
  };
  test.for(Object.entries(uses))("%s (L-15)", async ([, changesFor]) => {
    const client = await bench().client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const reply = await client.ask(challenge, await changesFor(client));
    expect(codeOf(reply)).toMatch(/^(?:challenge_invalid|no_grant)$/);
    await bench().expectDenied(reply, String(codeOf(reply)));
    // Its own use is not spoiled by that.
    expect((await client.ask(challenge)).status).toBe(200);
  });

  test("not for a second role or a longer time once it was used (L-15)", async () => {
    const client = await bench().client();
    const challenge = await client.challenge();
    client.announce(challenge);
    expect((await client.ask(challenge)).status).toBe(200);
    const again = await client.ask(challenge, { duration_seconds: 3_600 });
    expect(codeOf(again)).toBe("challenge_invalid");
    expect(world().sts.assumed).toHaveLength(1);
  });

  test.for([
    ["after five minutes", "challenge_expired", signingKey, 6 * 60_000],
    ["from a time to come", "challenge_invalid", signingKey, -60 * 60_000],
    [
      "of another broker's",
      "challenge_invalid",
      "another-signing-key-of-more-than-32-characters",
      0,
    ],
  ] as const)("not %s (L-15)", async ([, code, key, age]) => {
    await inEach(bench(), proofKinds, async (scene) => {
      const { client } = scene.honest;
      const challenge = made(key, scene, client, age);
      client.announce(challenge);
      scene.end();
      await bench().expectDenied(await client.ask(challenge), code);
    });
  });
});

/** Changes of the challenge in the line; the ticket is the right one (L-17). */
const changes: Record<string, (challenge: string) => string> = {
  "one character less": (challenge) => challenge.slice(0, -1),
  "one character more": (challenge) => `${challenge}x`,
  "all but its signature": (challenge) => challenge.split(".").slice(0, 3).join("."),
  "its beginning": (challenge) => challenge.slice(0, 20),
  "another case": (challenge) => challenge.toUpperCase(),
  "a letter in another case": (challenge) =>
    challenge.replace(/[a-z](?=[^a-z]*$)/, (letter) => letter.toUpperCase()),
  "a blank in it": (challenge) => challenge.replace(".", ". "),
  "a blank behind it": (challenge) => `${challenge} `,
  "two blanks before it": (challenge) => ` ${challenge}`,
  "its ticket's dot behind it": (challenge) => `${challenge}.`,
  "a second one behind it": (challenge) => `${challenge} ${challenge}`,
  "quotation marks": (challenge) => `"${challenge}"`,
  "another signature": (challenge) =>
    challenge.replace(/[^.]+$/, (text) => "A".repeat(text.length)),
  "another time": (challenge) => challenge.replace(/^c1\.[^.]+/, "c1.zzzzzz"),
  nothing: () => "",
};

describe("a challenge counts whole, to the last character:", () => {
  test.for(Object.entries(changes))(
    "with %s in its place in the log nothing is proved, and nothing spoiled (L-17)",
    async ([, change]) => {
      const alone = await LogScene.of(bench(), "stored log");
      sayChanged(alone, change);
      alone.end();
      const { client, challenge } = alone.honest;
      await bench().expectDenied(await client.ask(challenge), "proof_invalid");
      await inEach(bench(), proofKinds, async (scene) => {
        sayChanged(scene, change);
        scene.announce();
        await scene.expectServed();
      });
    },
  );

  test("in the feed of a step in progress all these are waited on, and come to nothing (L-17)", async () => {
    const outcomes = await Promise.all(
      Object.entries(changes).map(async ([name, change]) => {
        const scene = await LogScene.of(bench(), "live feed");
        sayChanged(scene, change);
        return [name, codeOf(await scene.honest.client.ask(scene.honest.challenge))];
      }),
    );
    expect(outcomes).toEqual(Object.keys(changes).map((name) => [name, "proof_pending"]));
    expect(world().sts.journal).toEqual([]);
  });
});

function sayChanged(scene: LogScene, change: (challenge: string) => string): void {
  const { line, challenge } = scene.honest;
  scene.say(line.replace(challenge.challenge, change(challenge.challenge)));
}
