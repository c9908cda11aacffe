import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { roleOf } from "../harness/config.ts";
import { peopleGrants, peopleScenes } from "./scenes/people.ts";
import { play, playTables, runOf } from "./scenes/scene.ts";
import { workflowGrants, workflowScenes, workflowTables } from "./scenes/workflows.ts";

const bench = useBench({ grants: [...workflowGrants, ...peopleGrants], attacks: true });

// G-11, G-12: whose file the run's jobs come from.
describe("of workflows,", () => {
  play(bench, workflowScenes);
  playTables(bench, workflowTables);
});

// G-07, G-17, G-18: who is behind the run.
describe("of people,", () => {
  play(bench, peopleScenes);

  test("the record names who pushed and who ran again, so that both can be asked (G-07, G-18)", async () => {
    const bot = { id: 49_699_333, login: "dependabot[bot]", type: "Bot" as const };
    const { run } = runOf(bench(), { actor: bot });
    const again = bench().world.github.rerun(run, {
      triggeringActor: { id: 583_231, login: "octocat", type: "User" },
    });
    const client = await bench().client(again.jobs[0]);
    await client.obtain({ role: roleOf("by-octocat") });
    expect(bench().records).toMatchObject([
      { identity: { actor: "dependabot[bot]", triggering_actor: "octocat", run_attempt: 2 } },
    ]);
  });
});
