import { LRUCache } from "lru-cache";
import type { Asked } from "../core/audit.ts";
import { Refusal } from "../core/errors.ts";
import { foldAscii } from "../core/pattern.ts";
import { limitKey } from "./client-address.ts";
import type { Config } from "./config.ts";
import type { Standing } from "./standing.ts";
import type { Limiter, Store } from "./store.ts";

type Run = Pick<Asked, "repository" | "run_id">;

/**
 * How often may be asked (H-09). Before the proof anybody can name any run, so that runs and
 * repositories are counted for each address apart, and nobody uses up what is another's. After it they
 * are counted whoever asks.
 */
export class Limits {
  readonly #address: Limiter;
  readonly #beyond: Limiter;
  readonly #repository: Limiter;
  readonly #run: Limiter;
  readonly #provedRepository: Limiter;
  readonly #provedRun: Limiter;
  /** Runs that an address has asked for lately; bounded, so that no flood of numbers fills it. */
  readonly #seen: LRUCache<string, true>;

  constructor({ perAddress, perRepository, perRun }: Config["limits"], store: Store) {
    this.#address = store.limiter("address", perAddress);
    this.#beyond = store.limiter("address-beyond", perAddress);
    this.#repository = store.limiter("repository", perRepository);
    this.#run = store.limiter("run", perRun);
    this.#provedRepository = store.limiter("proved-repository", perRepository);
    this.#provedRun = store.limiter("proved-run", perRun);
    this.#seen = new LRUCache({ max: 20_000, ttl: perAddress.seconds * 1000, perf: Date });
  }

  /**
   * Any request, before its body is read.
   *
   * @returns null, or with what to turn it away unless admitBeyond lets it in
   */
  async admitAddress(address: string): Promise<Refusal | null> {
    const taken = await this.#address.take(limitKey(address));
    return taken.allowed ? null : tooOften("This address asks too often.", taken.retryAfter);
  }

  /**
   * An honest job behind an address that a flood has used up: the first request for a run, and a
   * request with a ticket of ours, which only the holder of its key has, count apart.
   *
   * @throws {Refusal} the one given
   */
  async admitBeyond(address: string, standing: Standing | null, refusal: Refusal): Promise<void> {
    const run = standing?.kind === "first" ? pair(address, standing.run) : null;
    if (standing === null || (run !== null && this.#seen.has(run))) throw refusal;
    const taken = await this.#beyond.take(limitKey(address));
    if (!taken.allowed) throw refusal;
    if (run !== null) this.#seen.set(run, true);
  }

  /**
   * A well-formed request for a repository that a grant names.
   *
   * @throws {Refusal} rate_limited
   */
  async admitRun(address: string, run: Run): Promise<void> {
    this.#seen.set(pair(address, run), true);
    const from = limitKey(address);
    const [repository, single] = await Promise.all([
      this.#repository.take(`${from} ${nameOf(run)}`),
      this.#run.take(`${from} ${nameOf(run)} ${run.run_id}`),
    ]);
    if (!repository.allowed)
      throw tooOften("This repository asks too often.", repository.retryAfter);
    if (!single.allowed) throw tooOften("This run asks too often.", single.retryAfter);
  }

  /**
   * A job that has proved itself, before AWS is asked.
   *
   * @throws {Refusal} rate_limited
   */
  async admitProved(run: Run): Promise<void> {
    const [repository, single] = await Promise.all([
      this.#provedRepository.take(nameOf(run)),
      this.#provedRun.take(`${nameOf(run)} ${run.run_id}`),
    ]);
    if (!repository.allowed)
      throw tooOften("This repository asks too often.", repository.retryAfter);
    if (!single.allowed) throw tooOften("This run asks too often.", single.retryAfter);
  }
}

function pair(address: string, run: Run): string {
  return `${limitKey(address)} ${nameOf(run)} ${run.run_id}`;
}

/** In whatever case: GitHub's names do not tell it apart (G-15). */
function nameOf({ repository }: Run): string {
  return foldAscii(repository);
}

function tooOften(detail: string, retryAfter: number): Refusal {
  return new Refusal("rate_limited", { detail, retryAfter });
}
