import { LRUCache } from "lru-cache";
import type { Asked } from "../core/audit.ts";
import { type Code, Refusal } from "../core/errors.ts";
import { foldAscii } from "../core/pattern.ts";
import { CallBudget } from "./call-budget.ts";
import { limitKey } from "./client-address.ts";
import type { OpenRuns } from "./github/ports.ts";

/** What one look in vain costs: the run and its jobs, and both again before it is refused. */
const callsEach = 4;
const burst = 600;
/** Of GitHub's hourly limit; with what is looked up ahead, half of it stays for runs that are known. */
const share = 0.3;
/** One address may use up a third of it. */
const addresses = 3;
/** What is used up can be strangers' doing: then GitHub's list of what is in progress tells who is none, for a tenth of its limit. */
const listsShare = 0.1;
const listsBurst = 60;
const listFreshForMs = 5_000;
type ListRuns = (repository: string) => Promise<OpenRuns>;
/** The attempt that is meant, unless it is the one that the run is in (see legacy). */
type Run = Pick<Asked, "repository" | "run_id" | "run_attempt">;

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
  /** Repositories that have had a run in progress; a name that anybody makes up for a pattern is none. */
  readonly #repositories = new LRUCache<string, true>({ max: 1_000 });
  readonly #openRuns: ListRuns;
  readonly #lists = new LRUCache<string, { at: number; runs: Promise<OpenRuns> }>({
    max: 1_000,
  });
  readonly #listing: CallBudget;
  #perHour = 5_000 * share;

  /**
   * @param now monotonic milliseconds
   * @param openRuns asks GitHub which runs of a repository are in progress
   */
  constructor(now: () => number, openRuns: ListRuns) {
    this.#now = now;
    this.#openRuns = openRuns;
    this.#all = new CallBudget({ now, burst, perHour: this.#perHour });
    this.#listing = new CallBudget({ now, burst: listsBurst, perHour: 5_000 * listsShare });
  }

  setHourlyLimit(limit: number): void {
    if (this.#perHour === limit * share) return;
    this.#perHour = limit * share;
    this.#all.setPerHour(this.#perHour);
    this.#listing.setPerHour(limit * listsShare);
    for (const budget of this.#byAddress.values()) budget.setPerHour(this.#perHour / addresses);
  }

  /**
   * @param look asks GitHub; it returns when the run is one in progress that a grant fits
   * @throws {Refusal} rate_limited, and what the look throws
   */
  async guard<T>(address: string, asked: Run, look: () => Promise<T>): Promise<T> {
    const run = `${foldAscii(asked.repository)} ${asked.run_id}`;
    if (this.#known.has(run)) return this.#learn(run, look);
    const budgets = [this.#of(limitKey(address)), this.#all];
    const key = `${limitKey(address)} ${run}`;
    const joins = this.#underway.has(key);
    // A matrix of jobs that starts together shares one look.
    if (!joins && !take(budgets)) {
      if (!(await this.#isOpen(asked))) throw tooMany(budgets);
      return this.#learn(run, look).catch((error: unknown) => {
        if (isInVain(error)) for (const budget of budgets) budget.spend(callsEach);
        throw error;
      });
    }
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
      this.#repositories.set(run.slice(0, run.indexOf(" ")), true);
      return found;
    } catch (error) {
      if (isInVain(error)) this.#known.delete(run);
      throw error;
    }
  }

  /** In this attempt: one that it is not in is a 404, which costs, where all else of it has an ETag. */
  async #isOpen({ repository, run_id: id, run_attempt: attempt }: Run): Promise<boolean> {
    const name = foldAscii(repository);
    const now = this.#now();
    let list = this.#lists.get(name);
    if (list === undefined || now - list.at >= listFreshForMs) {
      const least = this.#repositories.has(name) ? 1 : listsBurst / 2;
      if (this.#listing.secondsUntil(least) > 0 || !this.#listing.take(1)) return false;
      list = { at: now, runs: this.#openRuns(repository).catch(() => new Map()) };
      this.#lists.set(name, list);
    }
    const current = (await list.runs).get(id);
    return current !== undefined && current === (attempt ?? current);
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

/** @returns whether all of them had as much left; if so, it is taken. */
function take(budgets: readonly CallBudget[]): boolean {
  if (budgets.some((budget) => budget.secondsUntil(callsEach) > 0)) return false;
  for (const budget of budgets) budget.take(callsEach);
  return true;
}

/** A job that GitHub has listed by then may pass by the next list. */
function tooMany(budgets: readonly CallBudget[]): Refusal {
  const seconds = Math.max(...budgets.map((budget) => budget.secondsUntil(callsEach)));
  return new Refusal("rate_limited", {
    detail: "Too many runs were asked for that are not in progress.",
    retryAfter: Math.min(Math.max(seconds, 1), listFreshForMs / 1_000),
  });
}

function giveBack(budgets: readonly CallBudget[]): void {
  for (const budget of budgets) budget.giveBack(callsEach);
}

function isInVain(error: unknown): boolean {
  return error instanceof Refusal && inVain.has(error.code);
}
