import { RateLimiterMemory, type RateLimiterRes } from "rate-limiter-flexible";
import type { Asked } from "../core/audit.ts";
import { Refusal } from "../core/errors.ts";
import { foldAscii } from "../core/pattern.ts";
import { limitKey } from "./client-address.ts";
import type { Config, Rate } from "./config.ts";

/** How often an address, a repository and a run may ask. */
export class Limits {
  readonly #address: RateLimiterMemory;
  readonly #repository: RateLimiterMemory;
  readonly #run: RateLimiterMemory;

  constructor(limits: Config["limits"]) {
    this.#address = limiter("address", limits.perAddress);
    this.#repository = limiter("repository", limits.perRepository);
    this.#run = limiter("run", limits.perRun);
  }

  /** @throws {Refusal} rate_limited */
  async admitAddress(address: string): Promise<void> {
    await take(this.#address, limitKey(address), "This address asks too often.");
  }

  /** @throws {Refusal} rate_limited */
  async admitRun({ repository, run_id }: Pick<Asked, "repository" | "run_id">): Promise<void> {
    const name = foldAscii(repository);
    await take(this.#repository, name, "This repository asks too often.");
    await take(this.#run, `${name} ${run_id}`, "This run asks too often.");
  }
}

function limiter(keyPrefix: string, { points, seconds }: Rate): RateLimiterMemory {
  return new RateLimiterMemory({ keyPrefix, points, duration: seconds });
}

async function take(from: RateLimiterMemory, key: string, detail: string): Promise<void> {
  try {
    await from.consume(key);
  } catch (rejection) {
    if (rejection instanceof Error) throw rejection;
    const { msBeforeNext } = rejection as RateLimiterRes;
    throw new Refusal("rate_limited", {
      detail,
      retryAfter: Math.max(1, Math.ceil(msBeforeNext / 1000)),
    });
  }
}
