import { describe, expect, test, vi } from "vitest";
import { Refusal } from "../../src/core/errors.ts";
import type { OpenRuns } from "../../src/server/github/ports.ts";
import { RunLookups } from "../../src/server/run-lookups.ts";
import { code } from "../core/golden.ts";

const here = "192.0.2.1";
const run = (id: number) => ({ repository: "acme/app", run_id: id });
const missing = () => Promise.reject(new Refusal("job_not_found"));
const found = () => Promise.resolve("found");

function open() {
  const clock = { now: 0 };
  /** Attempts, by the ids of their runs. */
  const listed = new Map<number, number>();
  const openRuns = vi.fn<() => Promise<OpenRuns>>(() => Promise.resolve(new Map(listed)));
  const lookups = new RunLookups(() => clock.now, openRuns);
  const look = vi.fn<() => Promise<string>>(missing);
  let id = 1_000_000;
  /** Looks for runs that do not exist; returns how many of them GitHub is asked for. */
  const flood = async (times: number, address = here): Promise<number> => {
    look.mockClear();
    for (let count = 0; count < times; count++)
      await lookups.guard(address, run(++id), look).catch(() => undefined);
    return look.mock.calls.length;
  };
  return { clock, lookups, flood, listed, openRuns };
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
      code("rate_limited", { retryAfter: 5 }),
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

describe("H-09: a run that is new, when strangers have used everything up", () => {
  const addresses = ["192.0.2.2", "192.0.2.3", "192.0.2.4"];

  test("is looked up if GitHub lists it as in progress, from whatever address", async () => {
    const { clock, flood, lookups, listed, openRuns } = open();
    for (const address of [here, ...addresses]) await flood(100, address);
    const asking = (): Promise<string> => lookups.guard(here, run(5_001), found);
    await expect(asking()).rejects.toThrow(code("rate_limited", { retryAfter: 5 }));
    listed.set(5_001, 1);
    await expect(asking()).rejects.toThrow(code("rate_limited"));
    clock.now += 5_000;
    expect(await asking()).toBe("found");
    await expect(lookups.guard(here, run(5_002), found)).rejects.toThrow(code("rate_limited"));
    expect(openRuns.mock.calls).toEqual([["acme/app"], ["acme/app"]]);
  });

  test("the list is asked for once in five seconds, however many ask, and a failure lists nothing", async () => {
    const { clock, flood, lookups, openRuns } = open();
    for (const address of [here, ...addresses]) await flood(100, address);
    openRuns.mockClear();
    clock.now += 5_000;
    await flood(1_000);
    expect(openRuns).toHaveBeenCalledTimes(1);
    clock.now += 5_000;
    openRuns.mockRejectedValue(new Refusal("github_unavailable"));
    await expect(lookups.guard(here, run(5_001), found)).rejects.toThrow(code("rate_limited"));
  });

  test("lists cost a tenth of the limit, and made-up names leave half of it to repositories with runs", async () => {
    const { clock, flood, lookups, listed, openRuns } = open();
    await lookups.guard(here, run(4_999), found);
    for (const address of [here, ...addresses]) await flood(100, address);
    openRuns.mockClear();
    for (let count = 0; count < 200; count++) {
      const made = { repository: `acme/made-${count}`, run_id: 1 };
      await lookups.guard(here, made, missing).catch(() => undefined);
    }
    expect(openRuns.mock.calls.length).toBeLessThanOrEqual(30);
    clock.now += 5_000;
    listed.set(5_001, 1);
    expect(await lookups.guard(here, run(5_001), found)).toBe("found");
  });

  test("in the attempt that it is in: another costs a call each time, and anybody can make one up", async () => {
    const { flood, lookups, listed } = open();
    listed.set(5_001, 2);
    for (const address of [here, ...addresses]) await flood(100, address);
    for (const attempt of [1, 3, 2 ** 40]) {
      const other = { ...run(5_001), run_attempt: attempt };
      await expect(lookups.guard(here, other, found)).rejects.toThrow(code("rate_limited"));
    }
    // The original's requests name none.
    for (const named of [{ ...run(5_001), run_attempt: 2 }, run(5_001)])
      expect(await lookups.guard(here, named, found)).toBe("found");
  });

  test("and one of its jobs that is not there counts as in vain", async () => {
    const { clock, flood, lookups, listed } = open();
    listed.set(5_001, 1);
    for (const address of [here, ...addresses]) await flood(100, address);
    await expect(lookups.guard(here, run(5_001), missing)).rejects.toThrow(code("job_not_found"));
    clock.now += 60_000;
    expect(await flood(10)).toBe(1);
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
