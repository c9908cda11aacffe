import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Refusal } from "../../src/core/errors.ts";
import { type Claim, SingleUse, type Use } from "../../src/server/once.ts";
import { MemoryStore } from "../../src/server/store/memory.ts";
import { code } from "../core/golden.ts";

const answer = { credentials: "sealed" };
type Decide = (claim: Claim) => Promise<object>;

const use = (key: string, fingerprint = "f"): Use => ({
  key,
  fingerprint,
  ttlSeconds: 60,
  spent: () => new Refusal("challenge_invalid"),
});
const single = (store = new MemoryStore(), most?: number) => new SingleUse<object>(store, most);
const issue = () =>
  vi.fn<Decide>(async (claim) => {
    await claim();
    return answer;
  });

describe("H-12: one challenge, one answer", () => {
  test("for a hundred at once, and for who comes later", async () => {
    const once = single();
    const decide = issue();
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => once.run(use("c"), decide)),
    );
    expect(new Set(answers)).toEqual(new Set([answer]));
    expect(await once.run(use("c"), decide)).toBe(answer);
    expect(decide).toHaveBeenCalledTimes(1);
  });

  test("another challenge has one of its own", async () => {
    const once = single();
    const first = await once.run(use("c1"), () => Promise.resolve({}));
    expect(await once.run(use("c2"), () => Promise.resolve({}))).not.toBe(first);
  });

  test("asked for something else it is refused, while under way and after", async () => {
    const once = single();
    const asked = once.run(use("c"), issue());
    const other = (): unknown => once.run(use("c", "g"), issue());
    expect(other).toThrow(code("challenge_invalid"));
    expect(await asked).toBe(answer);
    expect(other).toThrow(code("challenge_invalid"));
  });

  test("a refusal is shared by those who wait, and then forgotten", async () => {
    const once = single();
    const refuse = vi.fn<Decide>(() => Promise.reject(new Refusal("proof_pending")));
    const both = await Promise.allSettled([once.run(use("c"), refuse), once.run(use("c"), refuse)]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(refuse).toHaveBeenCalledTimes(1);
    expect(await once.run(use("c", "g"), issue())).toBe(answer);
  });

  test("H-25: there is a most that is kept, and beyond it nothing is answered twice", async () => {
    const once = single(new MemoryStore(), 2);
    for (const key of ["1", "2", "3"]) await once.run(use(key), issue());
    await expect(once.run(use("1"), issue())).rejects.toThrow(code("challenge_invalid"));
    expect(await once.run(use("3"), issue())).toBe(answer);
  });

  test("H-25: what is refused pushes no answer out", async () => {
    const once = single(new MemoryStore(), 2);
    const decide = issue();
    await once.run(use("job"), decide);
    for (let count = 0; count < 100; count++) {
      await once
        .run(use(`flood ${count}`), () => Promise.reject(new Refusal("proof_pending")))
        .catch(() => undefined);
    }
    expect(await once.run(use("job"), decide)).toBe(answer);
    expect(decide).toHaveBeenCalledTimes(1);
  });
});

describe("F-10: instances that share a store", () => {
  test("one of them answers, and the others say that it is spent, at once and later", async () => {
    const store = new MemoryStore();
    const instances = Array.from({ length: 5 }, () => single(store));
    const effect = vi.fn<() => object>(() => answer);
    const decide: Decide = async (claim) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      await claim();
      return effect();
    };
    const all = await Promise.allSettled(instances.map((once) => once.run(use("c"), decide)));
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(effect).toHaveBeenCalledTimes(1);
    await expect(single(store).run(use("c"), decide)).rejects.toThrow(code("challenge_invalid"));
  });

  test("a refusal before or after the claim leaves it to the others", async () => {
    const store = new MemoryStore();
    const pending = new Refusal("proof_pending");
    await expect(single(store).run(use("c"), () => Promise.reject(pending))).rejects.toBe(pending);
    const denied = new Refusal("aws_denied");
    const refused = single(store).run(use("c"), async (claim) => {
      await claim();
      throw denied;
    });
    await expect(refused).rejects.toBe(denied);
    expect(await single(store).run(use("c"), issue())).toBe(answer);
  });

  test("a refused claim is not taken back from the one who holds it", async () => {
    const store = new MemoryStore();
    await single(store).run(use("c"), issue());
    for (let count = 0; count < 2; count++) {
      await expect(single(store).run(use("c"), issue())).rejects.toThrow(code("challenge_invalid"));
    }
  });

  test("a store that does not answer is a refusal for now, and AWS is not asked", async () => {
    const down = new Refusal("store_unavailable", { retryAfter: 2 });
    const release = vi.fn<() => Promise<void>>();
    const once = new SingleUse<object>({ claim: () => Promise.reject(down), release });
    const decide = issue();
    await expect(once.run(use("c"), decide)).rejects.toBe(down);
    expect(release).not.toHaveBeenCalled();
  });
});

test("R-07: an answer is kept by the wall clock: after a freeze for longer it is made anew", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const once = single();
  const first = await once.run(use("renewal"), () => Promise.resolve({}));
  vi.setSystemTime(Date.now() + 61_000);
  expect(await once.run(use("renewal"), () => Promise.resolve({}))).not.toBe(first);
});
