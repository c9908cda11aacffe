import { describe, expect, test } from "vitest";
import { fuzz } from "./fuzz.ts";
import { askHonestly } from "./honest.ts";
import { Random } from "./random.ts";
import { targets } from "./targets/index.ts";

const honest = await askHonestly();
const seed = Date.now() % 2 ** 32;

describe(`whatever comes, what has to hold of it holds (seed ${seed})`, () => {
  test.for(Object.entries(targets))("%s", async ([, open]) => {
    const target = await open(honest);
    const end = performance.now() + 700;
    const more = (): boolean => performance.now() < end;
    const { executions } = await fuzz(target, { random: new Random(seed), more });
    await target.close?.();
    expect(executions).toBeGreaterThan(target.seeds.length);
  });
});
