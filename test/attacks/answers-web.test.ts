import { beforeAll, expect, test } from "vitest";
import { honestByLog, webAnswers } from "../harness/answer-lists.ts";
import { useBench } from "../harness/bench.ts";
import { ChangedAnswers, pinnedGrant, readAs } from "../harness/changed-answers.ts";
import { each, faultsOf, patient } from "../harness/identity-verdict.ts";
import { singleChanges } from "../harness/single-changes.ts";
import { wideLimits } from "../harness/config.ts";

const bench = useBench({ attacks: true, grants: [pinnedGrant], settings: wideLimits });
let github: ChangedAnswers;
beforeAll(async () => {
  github = await ChangedAnswers.of(bench());
});

test(
  "GitHub's web says one thing otherwise, and nobody gets another identity (H-02)",
  patient,
  async () => {
    const { seen } = await github.try("at the branch's tip");
    const kinds = Object.keys(webAnswers) as (keyof typeof webAnswers)[];
    const changes = kinds.flatMap((kind) =>
      singleChanges(readAs(kind, seen.get(kind)), webAnswers[kind]).map((it) => [{ kind, ...it }]),
    );
    expect(changes.length).toBeGreaterThan(200);
    bench().begin();
    // Some wait eight seconds for an announcement that does not come, and leave room for the others.
    const ask = (it: (typeof changes)[number] | []) => github.outcome("at the branch's tip", it);
    const outcomes = await each([[], ...changes], ask, 60);
    expect(faultsOf(bench(), outcomes, honestByLog)).toEqual([]);
  },
);
