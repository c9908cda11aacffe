import { LRUCache } from "lru-cache";
import type { RateLimiterAbstract, RateLimiterRes } from "rate-limiter-flexible";
import type { Limiter, Taken } from "../store.ts";
import { hashed } from "./hashed.ts";
import type { StoreTrouble } from "./trouble.ts";

/** What a limiter does when its store fails: another one counts. */
export interface Backup {
  limiter: Limiter;
  store: string;
  trouble: StoreTrouble;
}

/** rate-limiter-flexible, whatever its store. */
export class FlexibleLimiter implements Limiter {
  readonly #name: string;
  readonly #inner: Pick<RateLimiterAbstract, "consume">;
  readonly #backup: Backup | undefined;
  /**
   * Who has been told to wait is told again without asking the store: a flood costs it nothing (H-09).
   * By the wall clock, as the stores count: a monotonic one stands still in a process that is frozen.
   */
  readonly #waiting = new LRUCache<string, true>({ max: 10_000, perf: Date });

  constructor(name: string, inner: Pick<RateLimiterAbstract, "consume">, backup?: Backup) {
    this.#name = name;
    this.#inner = inner;
    this.#backup = backup;
  }

  async take(key: string): Promise<Taken> {
    const name = hashed(this.#name, key);
    const waitMs = this.#waiting.getRemainingTTL(name);
    if (waitMs > 0) return denied(waitMs);
    const backup = this.#backup;
    // Requests do not line up behind a store that has just let one wait in vain.
    if (backup?.trouble.isFresh) return backup.limiter.take(key);
    try {
      await this.#inner.consume(name);
      return { allowed: true };
    } catch (rejection) {
      if (!(rejection instanceof Error)) return this.#deny(name, rejection as RateLimiterRes);
      if (!backup) throw rejection;
      backup.trouble.failed(backup.store, rejection);
      return backup.limiter.take(key);
    }
  }

  #deny(name: string, { msBeforeNext }: RateLimiterRes): Taken {
    const ttl = Math.max(1, Math.ceil(msBeforeNext));
    this.#waiting.set(name, true, { ttl });
    return denied(ttl);
  }
}

function denied(ms: number): Taken {
  return { allowed: false, retryAfter: Math.max(1, Math.ceil(ms / 1000)) };
}
