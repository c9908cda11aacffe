import * as fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { honestByLog, restAnswers, webAnswers } from "../harness/answer-lists.ts";
import { useBench } from "../harness/bench.ts";
import {
  ChangedAnswers,
  type Kind,
  pinnedGrant,
  readAs,
  type Scene,
} from "../harness/changed-answers.ts";
import { each, faultsOf, patient } from "../harness/identity-verdict.ts";
import { eachChange, meet, type Single } from "../harness/single-changes.ts";
import { wideLimits } from "../harness/config.ts";

const bench = useBench({ attacks: true, grants: [pinnedGrant], settings: wideLimits });
let github: ChangedAnswers;
beforeAll(async () => {
  github = await ChangedAnswers.of(bench());
});

type One = Single & { readonly kind: Kind };

test.for(["at the branch's tip", "behind the branch's tip", "of an annotated tag"] as const)(
  "GitHub says any two things otherwise of a run %s, and nobody gets another identity (H-02)",
  patient,
  async (scene) => {
    const all = await changesOf(scene);
    const pair = fc
      .tuple(fc.constantFrom(...all), fc.constantFrom(...all))
      .filter(([one, other]) => one.kind !== other.kind || !meet(one, other));
    await fc.assert(
      fc.asyncProperty(fc.array(pair, { minLength: 80, maxLength: 80 }), async (pairs) => {
        bench().begin();
        const outcomes = await each(pairs, (it) => github.outcome(scene, it), pairs.length);
        expect(faultsOf(bench(), outcomes, honestByLog)).toEqual([]);
      }),
      { numRuns: 1, endOnFailure: true },
    );
  },
);

/** Every single change of every answer that such a run has GitHub asked for. */
async function changesOf(scene: Scene): Promise<One[]> {
  const lists = Object.entries({ ...restAnswers, ...webAnswers });
  const { seen } = await github.try(scene);
  return [...seen].flatMap(([kind, text]) => {
    const listed = lists.find(([name]) => name === kind)?.[1];
    if (listed === undefined) throw new Error(`nothing is known of the ${kind}`);
    return eachChange(readAs(kind, text), listed).map((single) => ({ kind, ...single }));
  });
}
