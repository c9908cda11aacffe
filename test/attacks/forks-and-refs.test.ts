import { describe } from "vitest";
import { useBench } from "../harness/bench.ts";
import { forkGrants, forkScenes } from "./scenes/forks.ts";
import { refGrants, refScenes } from "./scenes/refs.ts";
import { play } from "./scenes/scene.ts";

const bench = useBench({ grants: [...forkGrants, ...refGrants], attacks: true });

// G-01, G-02, G-13: what belongs to the repository, and what only comes by way of it.
describe("of forks,", () => {
  play(bench, forkScenes);
});

// G-03, G-04, G-22, G-25, P-03: what a short name of GitHub's stands for.
describe("of branches and tags,", () => {
  play(bench, refScenes);
});
