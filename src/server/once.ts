import { LRUCache } from "lru-cache";
import type { Refusal } from "../core/errors.ts";
import type { Store } from "./store.ts";

/** One use of what may be used once. */
export interface Use {
  /** Names what is used: a challenge, a token's issuer and id. */
  key: string;
  /** What it is used for, as text. */
  fingerprint: string;
  /** How long the use is remembered: at least as long as the key holds. */
  ttlSeconds: number;
  /** What to answer when it was used already, for something else or elsewhere. */
  spent: () => Refusal;
}

/** To be awaited before the effect that may happen once. @throws {Refusal} spent, store_unavailable */
export type Claim = () => Promise<void>;

interface Entry<T> {
  fingerprint: string;
  answer: Promise<T>;
}

/**
 * One answer for each use: the same request sent again, at once or after its answer was lost, gets the
 * same answer, sealed to the same key (H-12, F-06, O-09). A refusal is forgotten, so that asking again
 * can pass, on any instance. Across instances only the claim decides: one of them answers, and the
 * others say that the key is spent (F-10).
 */
export class SingleUse<T extends object> {
  readonly #store: Pick<Store, "claim" | "release">;
  /** Bounded by the requests under way. */
  readonly #underway = new Map<string, Entry<T>>();
  /** Bounded, and only what was proved gets in, so that no stranger pushes out a job's answer (H-25). */
  readonly #answers: LRUCache<string, Entry<T>>;

  constructor(store: Pick<Store, "claim" | "release">, most = 2_000) {
    this.#store = store;
    // By the wall clock, as what they answer: a process that was frozen has not kept them the longer.
    this.#answers = new LRUCache({ max: most, perf: Date });
  }

  /** @param decide awaits its claim at the last moment at which a refusal costs nothing */
  run(use: Use, decide: (claim: Claim) => Promise<T>): Promise<T> {
    const known = this.#underway.get(use.key) ?? this.#answers.get(use.key);
    if (known) {
      if (known.fingerprint === use.fingerprint) return known.answer;
      throw use.spent();
    }
    const entry = { fingerprint: use.fingerprint, answer: this.#decide(use, decide) };
    this.#underway.set(use.key, entry);
    void this.#keep(use, entry);
    return entry.answer;
  }

  async #decide(use: Use, decide: (claim: Claim) => Promise<T>): Promise<T> {
    let claimed = false;
    const claim = async (): Promise<void> => {
      if (!(await this.#store.claim(use.key, use.ttlSeconds))) throw use.spent();
      claimed = true;
    };
    try {
      return await decide(claim);
    } catch (error) {
      // Nothing was given out for it.
      if (claimed) await this.#store.release(use.key);
      throw error;
    }
  }

  async #keep(use: Use, entry: Entry<T>): Promise<void> {
    try {
      await entry.answer;
      this.#answers.set(use.key, entry, { ttl: use.ttlSeconds * 1000 });
    } catch {
      // A refusal is not kept.
    } finally {
      this.#underway.delete(use.key);
    }
  }
}
