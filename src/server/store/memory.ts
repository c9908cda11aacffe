import { LRUCache } from "lru-cache";
import { RateLimiterMemory } from "rate-limiter-flexible";
import type { Rate } from "../config.ts";
import type { Limiter, Store } from "../store.ts";
import { FlexibleLimiter } from "./flexible-limiter.ts";
import { hashed } from "./hashed.ts";

/** A million keys must not fill the memory: the ones not asked for longest are forgotten (H-10, H-25). */
const mostKeys = 20_000;
/** Claims come after the proof, so that no stranger can push one out. */
const mostClaims = 100_000;

/** This instance alone. */
export class MemoryStore implements Store {
  readonly #claims = new LRUCache<string, true>({ max: mostClaims });

  limiter(name: string, rate: Rate): Limiter {
    return memoryLimiter(name, rate);
  }

  claim(key: string, ttlSeconds: number): Promise<boolean> {
    const name = hashed("once", key);
    if (this.#claims.has(name)) return Promise.resolve(false);
    this.#claims.set(name, true, { ttl: ttlSeconds * 1000 });
    return Promise.resolve(true);
  }

  release(key: string): Promise<void> {
    this.#claims.delete(hashed("once", key));
    return Promise.resolve();
  }

  check(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Also what the other stores fall back on. */
export function memoryLimiter(name: string, { points, seconds }: Rate): Limiter {
  return new FlexibleLimiter(
    name,
    new BoundedLimiter({ keyPrefix: "", points, duration: seconds }),
  );
}

class BoundedLimiter extends RateLimiterMemory {
  readonly #keys = new LRUCache<string, true>({
    max: mostKeys,
    noDisposeOnSet: true,
    dispose: (_, key) => void this.delete(key),
  });

  override consume(key: string): ReturnType<RateLimiterMemory["consume"]> {
    this.#keys.set(key, true);
    return super.consume(key);
  }
}
