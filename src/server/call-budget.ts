/** Calls that may be made of GitHub for one purpose: a bucket that holds a burst and fills by the hour. */
export class CallBudget {
  readonly #burst: number;
  readonly #now: () => number;
  #perMillisecond: number;
  #left: number;
  #at: number;

  /** @param now monotonic milliseconds */
  constructor(options: { now: () => number; burst: number; perHour: number }) {
    this.#now = options.now;
    this.#burst = options.burst;
    this.#perMillisecond = options.perHour / 3_600_000;
    this.#left = this.#burst;
    this.#at = options.now();
  }

  /** @returns whether so many calls may be made; if so, they are taken. */
  take(calls: number): boolean {
    this.#refill();
    if (this.#left < calls) return false;
    this.#left -= calls;
    return true;
  }

  /** Calls that have been made, whether they were left or not. */
  spend(calls: number): void {
    this.#refill();
    this.#left = Math.max(-this.#burst, this.#left - calls);
  }

  /** Calls that were taken and are not to count. */
  giveBack(calls: number): void {
    this.#left = Math.min(this.#burst, this.#left + calls);
  }

  /** @returns after how many seconds so many calls will be left, if nobody takes any meanwhile. */
  secondsUntil(calls: number): number {
    this.#refill();
    return Math.max(0, Math.ceil((calls - this.#left) / this.#perMillisecond / 1000));
  }

  setPerHour(calls: number): void {
    this.#perMillisecond = calls / 3_600_000;
  }

  #refill(): void {
    const now = this.#now();
    this.#left = Math.min(this.#burst, this.#left + (now - this.#at) * this.#perMillisecond);
    this.#at = now;
  }
}
