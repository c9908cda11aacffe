import { Refusal } from "../../core/errors.ts";

/** How often the log says that the store is down. */
const everyMs = 60_000;
const freshMs = 2_000;

/** Says once a minute that a store does not answer, and once that it does again. */
export class StoreTrouble {
  readonly #now: () => number;
  readonly #log: (level: "warn" | "info", fields: object, message: string) => void;
  #at: number | undefined;
  #toldAt: number | undefined;

  /** @param now monotonic milliseconds */
  constructor(
    now: () => number,
    log: (level: "warn" | "info", fields: object, message: string) => void,
  ) {
    this.#now = now;
    this.#log = log;
  }

  /** Whether asking now would be likely to end in waiting for nothing. */
  get isFresh(): boolean {
    return this.#at !== undefined && this.#now() - this.#at < freshMs;
  }

  failed(store: string, error: unknown): void {
    this.#at = this.#now();
    if (this.#toldAt !== undefined && this.#now() - this.#toldAt < everyMs) return;
    this.#toldAt = this.#now();
    this.#log(
      "warn",
      { store, error: kindOf(error) },
      "the store does not answer: this instance counts limits alone, and nothing that must be used once is given out",
    );
  }

  over(store: string): void {
    if (this.#at === undefined) return;
    this.#at = undefined;
    this.#toldAt = undefined;
    this.#log("info", { store }, "the store answers again");
  }

  /** @returns what to answer while claims can't be made. */
  refusal(store: string, error: unknown): Refusal {
    this.failed(store, error);
    return new Refusal("store_unavailable", {
      detail: "What has been used once can't be told now.",
      retryAfter: 2,
      note: `${store}: ${kindOf(error)}`,
    });
  }
}

/** A code, or a kind of error, and no more: messages may hold addresses, and commands a password. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return "error";
  const { code } = error as NodeJS.ErrnoException;
  const [word] = /^[A-Z]{4,}\b/.exec(error.message) ?? [];
  return code ?? word ?? error.name;
}
