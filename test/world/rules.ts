import type { Request } from "./answer.ts";
import { matches, type Handle, type Match } from "./fault.ts";

interface Ruling {
  readonly match?: Match;
  readonly times?: number;
}

export interface Taken<Rule> {
  readonly rule: Rule;
  readonly removed: Promise<void>;
}

/** Rules for coming requests, in the order in which they were given; each is used up after its `times`. */
export class Rules<Rule extends Ruling> {
  readonly #entries: (Taken<Rule> & { used: number })[] = [];

  add(rule: Rule): Handle {
    const gone = Promise.withResolvers<void>();
    const entry = { rule, removed: gone.promise, used: 0 };
    this.#entries.push(entry);
    return {
      get used() {
        return entry.used;
      },
      remove: () => {
        const at = this.#entries.indexOf(entry);
        if (at >= 0) this.#entries.splice(at, 1);
        gone.resolve();
      },
    };
  }

  /** The first rule for this request. */
  take(request: Request): Taken<Rule> | undefined {
    if (this.#entries.length === 0) return undefined;
    const found = this.#entries.find((entry) => this.#applies(entry, request));
    if (found !== undefined) found.used += 1;
    return found;
  }

  /** All rules for this request. */
  takeAll(request: Request): readonly Taken<Rule>[] {
    if (this.#entries.length === 0) return [];
    const found = this.#entries.filter((entry) => this.#applies(entry, request));
    for (const entry of found) entry.used += 1;
    return found;
  }

  #applies(entry: Taken<Rule> & { used: number }, request: Request): boolean {
    return entry.used < (entry.rule.times ?? Infinity) && matches(entry.rule.match, request);
  }
}
