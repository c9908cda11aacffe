import { LRUCache } from "lru-cache";
import { Refusal } from "../core/errors.ts";

interface Entry<T> {
  fingerprint: string;
  answer: Promise<T>;
}

/**
 * One answer for each challenge: the same request sent again, at once or after its answer was lost,
 * gets the same answer, sealed to the same key, and AWS is asked once (H-12, F-06). A refusal is
 * forgotten, so that asking again can pass.
 */
export class OncePerChallenge<T extends object> {
  readonly #answers: LRUCache<string, Entry<T>>;

  constructor(options: { ttlMs: number; most?: number }) {
    this.#answers = new LRUCache({ max: options.most ?? 1_000, ttl: options.ttlMs });
  }

  /**
   * @param fingerprint what is asked for, as text
   * @throws {Refusal} challenge_invalid, when the challenge was used to ask for something else
   */
  run(challenge: string, fingerprint: string, decide: () => Promise<T>): Promise<T> {
    const known = this.#answers.get(challenge);
    if (known) {
      if (known.fingerprint === fingerprint) return known.answer;
      throw new Refusal("challenge_invalid", {
        detail: "The challenge was used for another request: ask for a new one.",
      });
    }
    const entry = { fingerprint, answer: decide() };
    this.#answers.set(challenge, entry);
    entry.answer.catch(() => {
      if (this.#answers.peek(challenge) === entry) this.#answers.delete(challenge);
    });
    return entry.answer;
  }
}
