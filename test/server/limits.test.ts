import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Refusal } from "../../src/core/errors.ts";
import { Limits } from "../../src/server/limits.ts";
import { MemoryStore } from "../../src/server/store/memory.ts";
import { code } from "../core/golden.ts";

const limits = (changes: object = {}): Limits =>
  new Limits(
    {
      perAddress: { points: 2, seconds: 60 },
      perRepository: { points: 3, seconds: 60 },
      perRun: { points: 2, seconds: 1 },
      ...changes,
    },
    new MemoryStore(),
  );
const limited = (retryAfter: number): Error => code("rate_limited", { retryAfter });
const here = "192.0.2.1";
const run = { repository: "acme/app", run_id: 1 };

describe("H-09: how often may be asked", () => {
  test("by an address", async () => {
    const all = limits();
    expect(await all.admitAddress(here)).toBe(null);
    expect(await all.admitAddress(here)).toBe(null);
    expect(await all.admitAddress(here)).toEqual(limited(60));
    expect(await all.admitAddress("192.0.2.2")).toBe(null);
  });

  test("by a /64", async () => {
    const all = limits();
    await all.admitAddress("2001:db8::1");
    await all.admitAddress("2001:db8::2");
    expect(await all.admitAddress("2001:db8::3")).toEqual(limited(60));
    expect(await all.admitAddress("2001:db8:0:1::3")).toBe(null);
  });

  test("for a run, and after its time again", async () => {
    const all = limits();
    await all.admitRun(here, run);
    await all.admitRun(here, run);
    await expect(all.admitRun(here, run)).rejects.toThrow(limited(1));
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    // The repository has had three by now.
    await expect(all.admitRun(here, run)).rejects.toThrow(limited(59));
    await expect(
      all.admitRun(here, { repository: "acme/other", run_id: 1 }),
    ).resolves.toBeUndefined();
  });

  test("G-15: for a repository, in whatever case", async () => {
    const all = limits();
    for (const [at, repository] of ["acme/app", "ACME/App", "acme/APP"].entries()) {
      await all.admitRun(here, { repository, run_id: at });
    }
    await expect(all.admitRun(here, { repository: "Acme/app", run_id: 9 })).rejects.toThrow(
      limited(60),
    );
  });

  test("an address can't use up what a run has elsewhere, until it has proved itself", async () => {
    const all = limits();
    for (let count = 0; count < 20; count++) {
      await all.admitRun("198.51.100.66", run).catch(() => undefined);
    }
    await expect(all.admitRun(here, run)).resolves.toBeUndefined();
    await all.admitProved(run);
    await all.admitProved({ ...run, repository: "ACME/app" });
    await expect(all.admitProved(run)).rejects.toThrow(limited(1));
  });
});

describe("H-09: behind an address that a flood has used up", () => {
  async function usedUp(all: Limits): Promise<Refusal> {
    for (;;) {
      const refusal = await all.admitAddress(here);
      if (refusal) return refusal;
    }
  }

  test("a job's first word and what only a job holds still pass, so often", async () => {
    const all = limits();
    const refusal = await usedUp(all);
    const first = { kind: "first", run } as const;
    await expect(all.admitBeyond(here, null, refusal)).rejects.toBe(refusal);
    await expect(all.admitBeyond(here, first, refusal)).resolves.toBeUndefined();
    await expect(all.admitBeyond(here, first, refusal)).rejects.toBe(refusal);
    await expect(all.admitBeyond(here, { kind: "known" }, refusal)).resolves.toBeUndefined();
    await expect(all.admitBeyond(here, { kind: "known" }, refusal)).rejects.toBe(refusal);
  });

  test("a run that has been asked for from there is no first word", async () => {
    const all = limits();
    await all.admitRun(here, run);
    const refusal = await usedUp(all);
    await expect(all.admitBeyond(here, { kind: "first", run }, refusal)).rejects.toBe(refusal);
  });
});

test("H-09: who has to wait waits by the wall clock, however long the process was frozen meanwhile", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const limiter = new MemoryStore().limiter("address", { points: 1, seconds: 3_600 });
  expect(await limiter.take("192.0.2.1")).toEqual({ allowed: true });
  expect(await limiter.take("192.0.2.1")).toMatchObject({ allowed: false });
  vi.setSystemTime(Date.now() + 3_601_000);
  expect(await limiter.take("192.0.2.1")).toEqual({ allowed: true });
});
