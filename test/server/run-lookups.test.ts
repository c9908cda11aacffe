import { describe, expect, test, vi } from "vitest";
import { Refusal } from "../../src/core/errors.ts";
import { RunLookups } from "../../src/server/run-lookups.ts";
import { code } from "../core/golden.ts";

const here = "192.0.2.1";
const run = (id: number) => ({ repository: "acme/app", run_id: id });
const missing = () => Promise.reject(new Refusal("job_not_found"));
const found = () => Promise.resolve("found");

function open() {
  const clock = { now: 0 };
  const lookups = new RunLookups(() => clock.now);
  const look = vi.fn<() => Promise<string>>(missing);
  let id = 1_000_000;
  /** Looks for runs that do not exist; returns how many of them GitHub is asked for. */
  const flood = async (times: number, address = here): Promise<number> => {
    look.mockClear();
    for (let count = 0; count < times; count++)
      await lookups.guard(address, run(++id), look).catch(() => undefined);
    return look.mock.calls.length;
  };
  return { clock, lookups, flood };
}

describe("H-09: runs that do not exist", () => {
  test("one address may look up 50, and then two a minute", async () => {
    const { clock, flood } = open();
    expect(await flood(10_000)).toBe(50);
    clock.now += 60_000;
    expect(await flood(1_000)).toBe(2);
  });

  test("many together 150, and then six a minute", async () => {
    const { clock, flood } = open();
    let asked = 0;
    for (let address = 0; address < 10; address++) asked += await flood(100, `192.0.2.${address}`);
    expect(asked).toBe(150);
    clock.now += 60_000;
    asked = 0;
    for (let address = 0; address < 10; address++) asked += await flood(100, `192.0.2.${address}`);
    expect(asked).toBe(6);
  });

  test("a larger limit at GitHub's gives more", async () => {
    const { clock, flood, lookups } = open();
    lookups.setHourlyLimit(15_000);
    await flood(100);
    clock.now += 60_000;
    expect(await flood(100)).toBe(6);
  });

  test("others get through meanwhile, and from the same address a run that is known", async () => {
    const { flood, lookups } = open();
    await lookups.guard(here, run(5_001), found);
    await flood(1_000);
    await expect(lookups.guard(here, run(5_002), found)).rejects.toThrow(
      code("rate_limited", { retryAfter: 29 }),
    );
    for (let count = 0; count < 1_000; count++)
      expect(await lookups.guard(here, run(5_001), found)).toBe("found");
    expect(await lookups.guard("192.0.2.2", run(5_002), found)).toBe("found");
    // By now that one is known as well.
    expect(await lookups.guard(here, run(5_002), found)).toBe("found");
  });

  test("a known run that is over is a stranger again", async () => {
    const { flood, lookups } = open();
    await lookups.guard(here, run(5_001), found);
    const over = () => Promise.reject(new Refusal("not_in_progress"));
    await expect(lookups.guard(here, run(5_001), over)).rejects.toThrow(code("not_in_progress"));
    await flood(100);
    await expect(lookups.guard(here, run(5_001), found)).rejects.toThrow(code("rate_limited"));
  });
});

test("what exists costs nothing, whether a grant fits or GitHub is in trouble", async () => {
  const { flood, lookups } = open();
  for (const refusal of ["no_grant", "github_unavailable", "fork"] as const) {
    for (let id = 0; id < 200; id++) {
      const look = () => Promise.reject(new Refusal(refusal));
      await expect(lookups.guard(here, run(id + 900), look)).rejects.toThrow(code(refusal));
    }
  }
  for (let id = 0; id < 200; id++) await lookups.guard(here, run(id), found);
  expect(await flood(100)).toBe(50);
});

test("a matrix that starts together is one look", async () => {
  const { flood, lookups } = open();
  await flood(49);
  const all = Array.from({ length: 300 }, () => lookups.guard(here, run(5_001), found));
  expect(new Set(await Promise.all(all))).toEqual(new Set(["found"]));
});

test("a flood for one run that does not exist is none", async () => {
  const { flood, lookups } = open();
  const all = Array.from({ length: 300 }, () => lookups.guard(here, run(1), missing));
  await Promise.allSettled(all);
  expect(await flood(10)).toBe(0);
});
