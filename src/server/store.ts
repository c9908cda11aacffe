import type { Rate } from "./config.ts";
import { storePassword, takeSecret } from "./secrets.ts";
import { MemoryStore } from "./store/memory.ts";
import type { StoreSetting } from "./store/setting.ts";
import type { StoreTrouble } from "./store/trouble.ts";

/**
 * What instances of the broker have in common: how often was asked, and what has been used.
 * Keys may hold what an attacker writes; the stores hash them, so that none is longer than another.
 */
export interface Store {
  /** Counts for one kind of key; it goes on, for this instance alone, while the store is down. */
  limiter(name: string, rate: Rate): Limiter;
  /**
   * @returns true for the first who claims the key, on whatever instance, and false for all others
   * until the time is over
   * @throws {Refusal} store_unavailable: what can't be counted as used is not given out
   */
  claim(key: string, ttlSeconds: number): Promise<boolean>;
  /** Takes one's own claim back. Never fails: at worst the claim stays until its time is over. */
  release(key: string): Promise<void>;
  /** @throws {Refusal} store_unavailable, when the store does not answer */
  check(): Promise<void>;
  /** Lets go of connections that were kept. */
  renewConnections?(): void;
  close(): Promise<void>;
}

export interface Limiter {
  take(key: string): Promise<Taken>;
}

/** `retryAfter` in whole seconds. */
export type Taken = { allowed: true } | { allowed: false; retryAfter: number };

/**
 * Opens the store. One that does not answer is no reason not to start: it may come later, and until
 * then limits hold for this instance alone, and nothing is issued.
 *
 * @param environment may hold ACTIONS2AWS_STORE_PASSWORD, or the file that ACTIONS2AWS_STORE_PASSWORD_FILE
 * names, for a Redis whose password is not to stand in the configuration
 */
export async function openStore(
  setting: StoreSetting,
  environment: NodeJS.ProcessEnv,
  trouble: StoreTrouble,
): Promise<Store> {
  const password = takeSecret(environment, storePassword);
  if (setting.kind === "memory") return new MemoryStore();
  if (setting.kind === "redis") {
    const { RedisStore } = await import("./store/redis.ts");
    return RedisStore.open(setting.url, password, trouble);
  }
  const { DynamoStore } = await import("./store/dynamodb.ts");
  const { AWS_REGION: region, AWS_DEFAULT_REGION: other = "us-east-1" } = environment;
  return new DynamoStore({ table: setting.table, region: region ?? other }, trouble);
}
