import { LRUCache } from "lru-cache";
import type { Asked } from "../core/audit.ts";
import { type Code, Refusal } from "../core/errors.ts";
import { foldAscii } from "../core/pattern.ts";
import { CallBudget } from "./call-budget.ts";
import { limitKey } from "./client-address.ts";

/** What one look in vain costs: the run and its jobs, and both again before it is refused. */
const callsEach = 4;
const burst = 600;
/** Of GitHub's hourly limit; with what is looked up ahead, half of it stays for runs that are known. */
const share = 0.3;
/** One address may use up a third of it. */
const addresses = 3;
const inVain = new Set<Code>(["job_not_found", "not_in_progress"]);

/**
 * Anybody can name a run that does not exist, or is over, and have GitHub asked for it. What comes to
 * nothing so is held within a budget, so that there are calls left for jobs that do exist: runs that
 * GitHub has shown in progress are looked up whatever is left of it (H-09).
 */
export class RunLookups {
  readonly #now: () => number;
  readonly #all: CallBudget;
  readonly #byAddress = new LRUCache<string, CallBudget>({ max: 5_000 });
  readonly #known = new LRUCache<string, true>({ max: 10_000 });
  readonly #underway = new Map<string, number>();
  #perHour = 5_000 * share;

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
    this.#all = new CallBudget({ now, burst, perHour: this.#perHour });
  }

  setHourlyLimit(limit: number): void {
    if (this.#perHour === limit * share) return;
    this.#perHour = limit * share;
    this.#all.setPerHour(this.#perHour);
    for (const budget of this.#byAddress.values()) budget.setPerHour(this.#perHour / addresses);
  }

  /**
   * @param look asks GitHub; it returns when the run is one in progress that a grant fits
   * @throws {Refusal} rate_limited, and what the look throws
   */
  async guard<T>(
    address: string,
    asked: Pick<Asked, "repository" | "run_id">,
    look: () => Promise<T>,
  ): Promise<T> {
    const run = `${foldAscii(asked.repository)} ${asked.run_id}`;
    if (this.#known.has(run)) return this.#learn(run, look);
    const budgets = [this.#of(limitKey(address)), this.#all];
    const key = `${limitKey(address)} ${run}`;
    const joins = this.#underway.has(key);
    // A matrix of jobs that starts together shares one look.
    if (!joins) take(budgets);
    this.#count(key, 1);
    try {
      const found = await this.#learn(run, look);
      if (!joins) giveBack(budgets);
      return found;
    } catch (error) {
      const vain = isInVain(error);
      if (vain && joins) for (const budget of budgets) budget.spend(callsEach);
      if (!vain && !joins) giveBack(budgets);
      throw error;
    } finally {
      this.#count(key, -1);
    }
  }

  async #learn<T>(run: string, look: () => Promise<T>): Promise<T> {
    try {
      const found = await look();
      this.#known.set(run, true);
      return found;
    } catch (error) {
      if (isInVain(error)) this.#known.delete(run);
      throw error;
    }
  }

  #of(address: string): CallBudget {
    const known = this.#byAddress.get(address);
    if (known) return known;
    const made = new CallBudget({
      now: this.#now,
      burst: burst / addresses,
      perHour: this.#perHour / addresses,
    });
    this.#byAddress.set(address, made);
    return made;
  }

  #count(key: string, change: number): void {
    const count = (this.#underway.get(key) ?? 0) + change;
    if (count > 0) this.#underway.set(key, count);
    else this.#underway.delete(key);
  }
}

function take(budgets: readonly CallBudget[]): void {
  const empty = budgets.find((budget) => budget.secondsUntil(callsEach) > 0);
  if (!empty) {
    for (const budget of budgets) budget.take(callsEach);
    return;
  }
  throw new Refusal("rate_limited", {
    detail: "Too many runs were asked for that are not in progress.",
    retryAfter: Math.min(empty.secondsUntil(callsEach), 60),
  });
}

function giveBack(budgets: readonly CallBudget[]): void {
  for (const budget of budgets) budget.giveBack(callsEach);
}

function isInVain(error: unknown): boolean {
  return error instanceof Refusal && inVain.has(error.code);
}
