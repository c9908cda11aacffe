import type { AuditRecord } from "../observed.ts";

export interface Decision {
  readonly number: number;
  readonly record: AuditRecord;
}

export interface Filter {
  readonly decision?: "allowed" | "denied" | undefined;
  readonly grant?: string | undefined;
}

/** The last decisions, as their audit records tell them; newest first, and never more than so many. */
export class RecentDecisions {
  readonly #most: number;
  #decisions: Decision[] = [];
  #count = 0;

  constructor(most = 200) {
    this.#most = most;
  }

  /** How many there have been. */
  get count(): number {
    return this.#count;
  }

  add(record: AuditRecord): void {
    this.#count++;
    this.#decisions = [{ number: this.#count, record }, ...this.#decisions].slice(0, this.#most);
  }

  /** @param after only those with a higher number */
  list({ decision, grant }: Filter = {}, after = 0): readonly Decision[] {
    return this.#decisions.filter(
      ({ number, record }) =>
        number > after &&
        (decision === undefined || record.decision === decision) &&
        (grant === undefined || record.grant === grant),
    );
  }
}
