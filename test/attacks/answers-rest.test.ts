import { beforeAll, describe, expect, test } from "vitest";
import { honestByLog, restAnswers } from "../harness/answer-lists.ts";
import { useBench } from "../harness/bench.ts";
import { ChangedAnswers, pinnedGrant, readAs } from "../harness/changed-answers.ts";
import { grantLike, role, roleOf, wideLimits } from "../harness/config.ts";
import { each, faultsOf, patient } from "../harness/identity-verdict.ts";
import { singleChanges } from "../harness/single-changes.ts";

const grants = [pinnedGrant, grantLike("called", { job: ["release / deploy"] })];
const bench = useBench({ attacks: true, grants, settings: wideLimits });
let github: ChangedAnswers;
beforeAll(async () => {
  github = await ChangedAnswers.of(bench());
});

const kinds = Object.keys(restAnswers) as (keyof typeof restAnswers)[];

describe("GitHub's API says one thing otherwise, and nobody gets another identity (H-02):", () => {
  test.for(kinds)("of the %s", patient, async (kind) => {
    const { scene, ...listed } = restAnswers[kind];
    const { seen } = await github.try(scene);
    const singles = singleChanges(readAs(kind, seen.get(kind)), listed);
    expect(singles.length).toBeGreaterThan(50);
    bench().begin();
    const outcomes = await each([[], ...singles.map((it) => [{ kind, ...it }])], (changes) =>
      github.outcome(scene, changes),
    );
    expect(faultsOf(bench(), outcomes, honestByLog)).toEqual([]);
  });
});

describe("GitHub does not tell which workflows a run calls:", () => {
  const untold = { "leaves the list out": undefined, "has null in its place": null };

  test.for(Object.entries(untold))(
    "it %s, and a job of a called workflow's name is refused, while another is served (G-11)",
    patient,
    async ([, list]) => {
      const { api } = bench().world.github;
      const [called, plain] = ["release / deploy", "deploy"].map(
        (name) => bench().newJob({ job: { name } }).job,
      );
      const change = api.transform(
        (run) => {
          run["referenced_workflows"] = list;
        },
        { match: new RegExp(`/runs/(?:${called?.run.id}|${plain?.run.id})$`) },
      );
      const denied = await (await bench().client(called)).attempt({ role: roleOf("called") });
      expect(denied.status).toBe(403);
      await bench().expectDenied(denied, "no_grant", ["reusable_workflow"]);
      await (await bench().client(plain)).obtain({ role });
      change.remove();
    },
  );
});
