import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { grantLike, roleOf } from "../harness/config.ts";
import { actions2aws } from "../harness/program.ts";
import {
  eventGrants,
  eventScenes,
  eventTables,
  otherEvents,
  outsiderEvents,
} from "./scenes/events.ts";
import { play, playTables, runOf } from "./scenes/scene.ts";

const bench = useBench({ grants: eventGrants, attacks: true });

describe("of events,", () => {
  play(bench, eventScenes);
  playTables(bench, eventTables);
});

test("the record shows by which event a run came (G-06)", async () => {
  const client = await bench().client(runOf(bench(), { event: "workflow_run" }));
  await client.obtain({ role: roleOf("after-tests") });
  expect(bench().records).toMatchObject([
    { grant: "after-tests", identity: { event: "workflow_run", ref: "refs/heads/main" } },
  ]);
});

/** Of which no run is, as far as anybody knows. */
const noEvents = ["workflow_call", "future_event"];

test("whoever loads a grant is warned of each event that outsiders can start or feed, and of no other (G-05)", async () => {
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-events-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "broker.yml");
  const harmless = ["push", "schedule", "workflow_dispatch", ...otherEvents];
  const grants = [...outsiderEvents, ...harmless].map((event) =>
    grantLike(event.replaceAll("_", "-"), { event, ref: undefined }),
  );
  writeFileSync(file, JSON.stringify({ grants }));
  const { exitCode, stderr } = await actions2aws(["serve", "--config", file, "--check"]);
  expect(exitCode).toBe(0);
  const warned = stderr.trimEnd().split("\n");
  const expected = [
    ...outsiderEvents.map((event) => [event, "outsiders can start or feed runs of"]),
    ...noEvents.map((event) => [event, "GitHub has no event that is known here as"]),
  ];
  expect(warned).toEqual(
    expected.map(([event, what]) =>
      expect.stringContaining(`grant ${event?.replaceAll("_", "-")}: ${what}: ${event}`),
    ),
  );
});
