import { Redis } from "ioredis";
import { RateLimiterRedis } from "rate-limiter-flexible";
import type { Secret } from "../../core/secret.ts";
import type { Rate } from "../config.ts";
import type { Limiter, Store } from "../store.ts";
import { FlexibleLimiter } from "./flexible-limiter.ts";
import { hashed } from "./hashed.ts";
import { memoryLimiter } from "./memory.ts";
import type { StoreTrouble } from "./trouble.ts";

/** A request must not wait for a store that is gone. */
const answerWithinMs = 1_000;
const firstConnectionMs = 2_000;

/** Redis or Valkey. Connects again by itself for as long as it takes. */
export class RedisStore implements Store {
  readonly #redis: Redis;
  readonly #trouble: StoreTrouble;

  private constructor(redis: Redis, trouble: StoreTrouble) {
    this.#redis = redis;
    this.#trouble = trouble;
  }

  /** Waits a moment for the connection, so that the first requests find it. */
  static async open(
    url: Secret,
    password: Secret | undefined,
    trouble: StoreTrouble,
  ): Promise<RedisStore> {
    const redis = new Redis(url.reveal(), {
      ...(password && { password: password.reveal() }),
      connectTimeout: firstConnectionMs,
      commandTimeout: answerWithinMs,
      // Nothing waits for a connection, and nothing is sent twice: a claim counts once.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (tries) => Math.min(50 * 2 ** Math.min(tries, 10), 2_000),
    });
    redis.on("error", (error) => trouble.failed("redis", error));
    redis.on("ready", () => trouble.over("redis"));
    const store = new RedisStore(redis, trouble);
    await store.#firstConnection();
    return store;
  }

  limiter(name: string, rate: Rate): Limiter {
    const inner = new RateLimiterRedis({
      storeClient: this.#redis,
      keyPrefix: "",
      points: rate.points,
      duration: rate.seconds,
      rejectIfRedisNotReady: true,
    });
    return new FlexibleLimiter(name, inner, {
      limiter: memoryLimiter(name, rate),
      store: "redis",
      trouble: this.#trouble,
    });
  }

  async claim(key: string, ttlSeconds: number): Promise<boolean> {
    const set = this.#redis.set(hashed("once", key), "1", "PX", ttlSeconds * 1000, "NX");
    return (await this.#answer(set)) === "OK";
  }

  async release(key: string): Promise<void> {
    await this.#answer(this.#redis.del(hashed("once", key))).catch(() => undefined);
  }

  async check(): Promise<void> {
    await this.#answer(this.#redis.ping());
  }

  close(): Promise<void> {
    this.#redis.disconnect();
    return Promise.resolve();
  }

  async #answer<T>(asking: Promise<T>): Promise<T> {
    try {
      return await asking;
    } catch (error) {
      throw this.#trouble.refusal("redis", error);
    }
  }

  async #firstConnection(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, firstConnectionMs);
      const ready = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#redis.once("ready", ready).once("error", ready);
    });
  }
}
