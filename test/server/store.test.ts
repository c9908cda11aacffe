import { describe, expect, test, vi } from "vitest";
import { openStore } from "../../src/server/store.ts";
import { FlexibleLimiter } from "../../src/server/store/flexible-limiter.ts";
import { hashed } from "../../src/server/store/hashed.ts";
import { memoryLimiter, MemoryStore } from "../../src/server/store/memory.ts";
import { isSameStore, parseStore } from "../../src/server/store/setting.ts";
import { StoreTrouble } from "../../src/server/store/trouble.ts";
import { code } from "../core/golden.ts";

const rate = { points: 2, seconds: 60 };
const denied = (retryAfter: number) => ({ allowed: false, retryAfter });

function trouble() {
  const clock = { now: 0 };
  const told: unknown[][] = [];
  return {
    clock,
    told,
    trouble: new StoreTrouble(
      () => clock.now,
      (...line) => told.push(line),
    ),
  };
}

describe("the setting", () => {
  test.each([
    ["memory", "memory"],
    ["redis://localhost", "redis"],
    ["redis://user:pass%2Fword@redis.example.com:6380/3", "redis"],
    ["rediss://:password@10.0.0.1", "redis"],
    ["rediss://[::1]:6379/0", "redis"],
    ["dynamodb:actions2aws", "dynamodb"],
  ])("%s", (text, kind) => {
    expect(parseStore(text)?.kind).toBe(kind);
  });

  test.each([
    "",
    "Memory",
    "redis",
    "redis:localhost",
    "redis://",
    "http://localhost",
    "redis://localhost/0?password=x",
    "redis://localhost/a",
    "redis://localhost#x",
    "redis:///run/redis.sock",
    "dynamodb:",
    "dynamodb:a/b",
    "dynamodb:ab",
    "dynamodb://table",
  ])("not %s", (text) => {
    expect(parseStore(text)).toBe(null);
  });

  test("F-13: a password does not print", () => {
    const setting = parseStore("redis://:canary@localhost");
    expect(JSON.stringify(setting)).not.toContain("canary");
    expect(String(Object.values(setting ?? {}))).not.toContain("canary");
  });

  test("two can be told apart", () => {
    const [one, other] = [parseStore("redis://:a@x"), parseStore("redis://:b@x")];
    if (!one || !other) throw new Error("not parsed");
    expect(isSameStore(one, one)).toBe(true);
    expect(isSameStore(one, other)).toBe(false);
    expect(isSameStore(one, { kind: "memory" })).toBe(false);
  });
});

describe("memory", () => {
  test("counts for each key of each limiter apart", async () => {
    const store = await openStore({ kind: "memory" }, {}, trouble().trouble);
    const limiter = store.limiter("run", rate);
    expect(await limiter.take("a")).toEqual({ allowed: true });
    expect(await limiter.take("a")).toEqual({ allowed: true });
    expect(await limiter.take("a")).toEqual(denied(60));
    expect(await limiter.take("b")).toEqual({ allowed: true });
    expect(await store.limiter("other", rate).take("a")).toEqual({ allowed: true });
    await store.check();
    await store.close();
  });

  test("claims are for one, until their time is over or they are taken back", async () => {
    const store = new MemoryStore();
    const all = await Promise.all(Array.from({ length: 100 }, () => store.claim("c", 0.05)));
    expect(all.filter(Boolean)).toHaveLength(1);
    expect(await store.claim("d", 60)).toBe(true);
    expect(await store.claim("d", 60)).toBe(false);
    await store.release("d");
    expect(await store.claim("d", 60)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(await store.claim("c", 60)).toBe(true);
  });

  test("H-10, H-25: however many keys do not grow it without end", async () => {
    const limiter = new MemoryStore().limiter("address", rate);
    const timers = vi.spyOn(globalThis, "clearTimeout");
    for (let count = 0; count < 120_000; count++) await limiter.take(`2001:db8:${count}::/64`);
    // Whoever was forgotten has no timer left; the others are 20,000.
    expect(timers.mock.calls.length).toBe(100_000);
    timers.mockRestore();
    expect(await limiter.take("honest")).toEqual({ allowed: true });
  });
});

test("names in a store are of one length, and tell nothing of the key", () => {
  const names = [hashed("run", "x"), hashed("run", "acme/app\r\nFLUSHALL".repeat(10_000))];
  for (const name of names) expect(name).toMatch(/^actions2aws:run:[\w-]{43}$/);
  expect(names[0]).not.toBe(names[1]);
});

describe("F-10: while a store is down", () => {
  const failure = Object.assign(new Error("connect ECONNREFUSED canary"), { code: "ECONNREFUSED" });

  test("limits go on alone, with one line a minute, and the store is not asked each time", async () => {
    const { clock, told, trouble: about } = trouble();
    const consume = vi.fn<() => Promise<never>>(() => Promise.reject(failure));
    const backup = { limiter: memoryLimiter("run", rate), store: "redis", trouble: about };
    const limiter = new FlexibleLimiter("run", { consume }, backup);
    for (const expected of [{ allowed: true }, { allowed: true }, denied(60)])
      expect(await limiter.take("a")).toEqual(expected);
    expect(consume).toHaveBeenCalledTimes(1);
    clock.now = 59_999;
    await limiter.take("b");
    expect(told).toHaveLength(1);
    clock.now = 62_000;
    await limiter.take("c");
    expect(consume).toHaveBeenCalledTimes(3);
    expect(told).toHaveLength(2);
    expect(told[0]).toEqual([
      "warn",
      { store: "redis", error: "ECONNREFUSED" },
      expect.stringContaining("does not answer"),
    ]);
    about.over("redis");
    about.over("redis");
    expect(told).toHaveLength(3);
    expect(JSON.stringify(told)).not.toContain("canary");
  });

  test("whoever has been told to wait is told so without asking the store", async () => {
    const consume = vi.fn<() => Promise<never>>(() => Promise.reject({ msBeforeNext: 1_500 }));
    const limiter = new FlexibleLimiter("run", { consume });
    expect(await limiter.take("a")).toEqual(denied(2));
    expect(await limiter.take("a")).toEqual(denied(2));
    expect(consume).toHaveBeenCalledTimes(1);
  });

  test.each([
    [failure, "ECONNREFUSED"],
    [new Error("WRONGPASS invalid username-password pair canary"), "WRONGPASS"],
    [new Error("Command timed out"), "Error"],
    ["canary", "error"],
  ])("a claim is refused for now (%s)", (error, kind) => {
    const { trouble: about } = trouble();
    const refusal = about.refusal("redis", error);
    expect(refusal).toEqual(code("store_unavailable", { retryAfter: 2, note: `redis: ${kind}` }));
    expect(refusal.message).not.toContain("canary");
  });
});
