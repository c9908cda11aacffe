import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { codeOf } from "../harness/requests.ts";
import {
  inEach,
  logKinds,
  LogScene,
  logSetting,
  proofKinds,
  storedKinds,
} from "../harness/log-scene.ts";

const bench = useBench(logSetting);
const github = () => bench().world.github;

describe("one key, and no other, counts in a pinned step:", () => {
  test("a key that is announced again and again is one key (L-07)", async () => {
    await inEach(bench(), proofKinds, async (scene) => {
      for (let times = 0; times < 5; times++) scene.announce();
      await scene.expectServed();
    });
  });

  test("of the original's, which announces once, even the same line twice is refused (L-07)", async () => {
    const scene = await LogScene.of(bench(), "original's log");
    scene.announce();
    scene.announce();
    await scene.expectNeitherServed("proof_ambiguous");
  });

  test("an attacker's pair beside the honest pair is ambiguous, however often each stands there (L-07, L-16)", async () => {
    await inEach(bench(), logKinds, async (scene) => {
      scene.say(`${scene.attacker.line}\n`.repeat(3));
      scene.announce();
      scene.say(scene.attacker.line);
      await scene.expectNeitherServed("proof_ambiguous");
    });
  });

  test("the attacker's key with the honest challenge is another key (L-07, L-15)", async () => {
    await inEach(bench(), proofKinds, async (scene) => {
      const { attacker, honest } = scene;
      scene.say(attacker.line.replace(attacker.challenge.challenge, honest.challenge.challenge));
      scene.announce();
      await scene.expectNeitherServed("proof_ambiguous");
    });
  });

  test("the honest key with the attacker's challenge proves nothing to either, and spoils nothing (L-15)", async () => {
    await inEach(bench(), proofKinds, async (scene) => {
      const { attacker, honest } = scene;
      scene.say(honest.line.replace(honest.challenge.challenge, attacker.challenge.challenge));
      scene.announce();
      await scene.expectServed();
    });
  });

  test.for(["failure", "cancelled", "skipped"] as const)(
    "in a step that ended with %s it is none, be it forged in the header of a step that could not even start its program (L-07)",
    async (conclusion) => {
      for (const arrange of [
        (scene: LogScene) => scene.say(scene.attacker.line),
        (scene: LogScene) =>
          scene.header({ env: { BODY: `x\n${scene.stamp()} ${scene.attacker.line}` } }),
      ]) {
        await inEach(bench(), storedKinds, async (scene) => {
          arrange(scene);
          github().completeStep(scene.job, scene.step, conclusion);
          await scene.expectAttackerDenied("proof_invalid");
        });
      }
    },
  );
});

describe("an honest announcement that the attacker has had masked leaves the attacker's alone, and still denies it:", () => {
  /** A mask that hits one of the keys alone: a text of the honest one's that the other's does not hold. */
  const fragmentOf = ({ honest, attacker }: LogScene): string => {
    const { publicKey } = honest.client;
    const fragments = Array.from({ length: 50 }, (_, at) => publicKey.slice(at + 5, at + 8));
    return fragments.find((text) => !attacker.line.includes(text)) ?? publicKey;
  };
  type Arrange = (scene: LogScene) => void;
  const arrangements: Record<string, Arrange> = {
    "by a mask of an earlier step, of letters that only the honest key has": (scene) => {
      scene.job.masks.push(fragmentOf(scene));
      scene.say(scene.attacker.line);
    },
    "by a mask in an echoed title behind the attacker's line": (scene) => {
      scene.say(`${scene.attacker.line}\ntitle: ##[add-mask]${fragmentOf(scene)}`);
    },
    "by a mask of the announcement's first words": (scene) => {
      scene.say(`${scene.attacker.line}\n::add-mask::age1`);
    },
  };
  test.for(Object.entries(arrangements))("%s (L-07, L-09)", async ([, arrange]) => {
    await inEach(bench(), logKinds, async (scene) => {
      arrange(scene);
      scene.announce();
      expect(scene.step.log).toContain("***");
      const { honest, attacker } = await scene.ask();
      expect([scene.kind, honest, attacker]).toEqual([
        scene.kind,
        expect.stringMatching(/^proof_(?:invalid|ambiguous)$/),
        expect.stringMatching(/^proof_(?:invalid|ambiguous)$/),
      ]);
      expect(scene.sessions).toBe(0);
    });
    expect(bench().world.sts.journal).toEqual([]);
  });

  test("of the original's, also by a mask of the words before the key, or a problem matcher's mark (L-07, L-09)", async () => {
    const spoils = [
      (line: string) => line.replace("ACTIONS2AWS PUBKEY", "***"),
      (line: string) => line.replace(" PUBKEY: ", "***"),
      (line: string) => `##[error]${line}`,
    ];
    for (const spoil of spoils) {
      const scene = await LogScene.of(bench(), "original's log");
      scene.say(scene.attacker.line);
      scene.message(spoil(scene.honest.line));
      await scene.expectNeitherServed("proof_invalid");
    }
  });
});

test("a request for a key that is not the ticket's is refused before GitHub is asked (L-15)", async () => {
  const scene = await LogScene.of(bench(), "live feed");
  const { honest, attacker } = scene;
  const reply = await attacker.client.ask(attacker.challenge, {
    public_key: honest.client.publicKey,
  });
  expect(codeOf(reply)).toBe("challenge_invalid");
  await bench().expectDenied(reply, "challenge_invalid");
});
