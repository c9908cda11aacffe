import { expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { inEach, type LogScene, logSetting, storedKinds } from "../harness/log-scene.ts";
import { codeOf } from "../harness/requests.ts";

const bench = useBench(logSetting);

/** What a mask may say, of the announcement and of what stands in it. */
const masks: Record<string, (scene: LogScene) => string> = {
  "the beginning of every key": () => "age1",
  "the program's name": () => "ACTIONS2AWS",
  "the whole key": ({ honest }) => honest.client.publicKey,
  "the middle of the key": ({ honest }) => honest.client.publicKey.slice(20, 40),
  "one letter": ({ honest }) => honest.client.publicKey.slice(-1),
};

test.for(Object.entries(masks))(
  "a mask that hides %s is not filled in from what the request says (L-09)",
  async ([, maskOf]) => {
    await inEach(bench(), storedKinds, async (scene) => {
      scene.say(`::add-mask::${maskOf(scene)}`);
      scene.announce();
      const { honest } = await scene.ask();
      expect([scene.kind, honest, scene.sessions]).toEqual([scene.kind, "proof_invalid", 0]);
      for (const reply of scene.replies) await bench().expectDenied(reply, String(codeOf(reply)));
    });
  },
);

test("stars that stand in the log for other reasons take nothing from the honest announcement (L-09)", async () => {
  await inEach(bench(), storedKinds, async (scene) => {
    scene.say(`::add-mask::hunter2\nhunter2\nthe password is hunter2\n*** ${scene.attacker.line}`);
    scene.announce();
    await scene.expectServed();
  });
});
