/** What was revoked, such as a signing key that got out, counts no longer than this. */
const oftenEnoughMs = 5 * 60_000;
/** When what there is does not work; a stranger's requests must not lead to more. */
const soonMs = 10_000;
const waitMs = 3_000;

/**
 * Reads settings again when they have become old: nobody sends a signal to a function, and the session
 * at GitHub changes every two weeks. What is read well is in force for the request that comes with it;
 * while it can't be read, or is bad, what was there before stays.
 */
export class Rereading {
  readonly #reload: () => Promise<void>;
  readonly #now: () => number;
  #readAt: number;
  #suspected = false;

  /** @param now monotonic milliseconds, in which a sleep counts as well */
  constructor(reload: () => Promise<void>, now: () => number) {
    this.#reload = reload;
    this.#now = now;
    this.#readAt = now();
  }

  /** GitHub does not take the session any more: there may be another. */
  suspect(): void {
    this.#suspected = true;
  }

  async whenDue(): Promise<void> {
    const now = this.#now();
    if (now - this.#readAt < (this.#suspected ? soonMs : oftenEnoughMs)) return;
    this.#readAt = now;
    this.#suspected = false;
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, waitMs);
    });
    await Promise.race([this.#reload(), enough]);
    clearTimeout(timer);
  }
}
