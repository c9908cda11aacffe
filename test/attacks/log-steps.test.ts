import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { roleOf } from "../harness/config.ts";
import { inEach, logKinds, LogScene, logSetting, proofKinds } from "../harness/log-scene.ts";
import { askAsOriginal, legacyGrant } from "../harness/original.ts";

const twoSteps = ["assume role", "prepare"];
const bench = useBench({
  ...logSetting,
  grants: [...logSetting.grants, legacyGrant("of-two-steps", { step: twoSteps })],
});
const github = () => bench().world.github;

/** A step beside the pinned one that says this, and is over. */
function otherStep({ job }: LogScene, name: string, text: string): void {
  const step = github().addStep(job, { name });
  github().say(job, step, text);
  github().completeStep(job, step);
}

describe("an announcement counts in the pinned step alone:", () => {
  test("in another step it proves nothing, whatever the request calls that (L-01)", async () => {
    await inEach(bench(), proofKinds, async (scene) => {
      otherStep(scene, "lint", scene.attacker.line);
      github().completeStep(scene.job, scene.step);
      const { client, challenge } = scene.attacker;
      await bench().expectDenied(await client.ask(challenge), "proof_invalid");
      const pinned = await client.ask(challenge, { step: "assume role" });
      await bench().expectDenied(pinned, "proof_invalid");
      const other = await client.ask(challenge, { step: "lint" });
      await bench().expectDenied(other, "no_grant", ["step"]);
    });
  });

  test("nor with the original's request, which has to name the step (L-01)", async () => {
    const scene = await LogScene.of(bench(), "original's log");
    otherStep(scene, "lint", scene.attacker.line);
    scene.end();
    const lint = await askAsOriginal(bench(), scene.job, { StepName: "lint" });
    await bench().expectDenied(lint, "no_grant", ["step"]);
    const pinned = await askAsOriginal(bench(), scene.job);
    await bench().expectDenied(pinned, "proof_invalid");
  });

  test("another step's announcement does not touch the honest one (L-01)", async () => {
    await inEach(bench(), logKinds, async (scene) => {
      otherStep(scene, "lint", scene.attacker.line);
      scene.announce();
      otherStep(scene, "assume role ", scene.attacker.line);
      otherStep(scene, "Assume role", scene.attacker.line);
      otherStep(scene, "assume\u00A0role", scene.attacker.line);
      await scene.expectServed();
    });
  });

  test("of two pinned steps, each may refuse what the other announces (L-01, L-07)", async () => {
    await inEach(bench(), proofKinds, async (scene) => {
      otherStep(scene, "prepare", scene.attacker.line);
      scene.announce();
      scene.end();
      const reply = await scene.honest.client.ask(scene.honest.challenge, {
        role: roleOf("of-two-steps"),
      });
      await bench().expectDenied(reply, "proof_ambiguous");
    });
  });

  test("of two pinned steps, the original's client has to name the one that announces (L-01)", async () => {
    const scene = await LogScene.of(bench(), "original's log");
    otherStep(scene, "prepare", "nothing");
    scene.announce();
    scene.end();
    const asked = (StepName: string): ReturnType<typeof askAsOriginal> =>
      askAsOriginal(bench(), scene.job, { StepName, RoleARN: roleOf("of-two-steps") });
    await bench().expectDenied(await asked("prepare"), "proof_invalid");
    expect(await asked("assume role")).toMatchObject({ status: 200 });
  });
});

describe("where two steps have the pinned name nobody can tell which is meant:", () => {
  const arrangements: Record<string, (scene: LogScene) => void> = {
    "the second is over": (scene) => {
      scene.announce();
      otherStep(scene, "assume role", scene.attacker.line);
    },
    "the first is over, and says nothing": (scene) => {
      scene.announce();
      otherStep(scene, "assume role", "nothing");
    },
    "the second is to come": (scene) => {
      scene.announce();
      github().addStep(scene.job, { status: "queued" });
    },
    "the second is in progress": (scene) => {
      scene.announce();
      const step = github().addStep(scene.job);
      github().say(scene.job, step, scene.attacker.line);
    },
    "the second has failed": (scene) => {
      scene.announce();
      github().completeStep(scene.job, github().addStep(scene.job), "failure");
    },
  };
  test.for(Object.entries(arrangements))("%s (L-14)", async ([, arrange]) => {
    await inEach(bench(), logKinds, async (scene) => {
      arrange(scene);
      await scene.expectNeitherServed("proof_ambiguous");
    });
  });
});

test("the log of a pinned step that has just ended well is read without the cookie at its storage (F-01)", async () => {
  const scene = await LogScene.of(bench(), "stored log");
  scene.announce();
  await scene.expectServed();
  const { journal } = github().storage;
  expect(journal.length).toBeGreaterThan(0);
  expect(journal.map(({ headers }) => headers.cookie)).toEqual(journal.map(() => undefined));
});
