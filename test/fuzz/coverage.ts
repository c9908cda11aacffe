import { type Profiler, Session } from "node:inspector";

/**
 * Which code has run: an input that reaches something new is worth changing further. It knows of parts
 * of functions only if it is there before they run for the first time.
 */
export class Coverage {
  readonly #session = new Session();
  /** For each function that has run, the parts of it that never have. */
  readonly #untouched = new Map<string, Set<string>>();

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: false, detailed: true });
  }

  /** Whether anything has run since the last look that had never run before. */
  grew(): boolean {
    let grew = false;
    for (const { url, functions } of this.#taken()) {
      if (!url.startsWith("file:")) continue;
      for (const { ranges } of functions) grew = this.#note(url, ranges) || grew;
    }
    return grew;
  }

  /** Takes everything for new again. */
  forget(): void {
    this.#untouched.clear();
    this.#taken();
  }

  /** Taking counts anew is synchronous when the session is one with the own thread. */
  #taken(): Profiler.ScriptCoverage[] {
    let taken: Profiler.ScriptCoverage[] = [];
    this.#session.post("Profiler.takePreciseCoverage", (error, { result }) => {
      if (error === null) taken = result;
    });
    return taken;
  }

  #note(url: string, ranges: readonly Profiler.CoverageRange[]): boolean {
    const [whole] = ranges;
    if (whole === undefined || whole.count === 0) return false;
    const key = `${url}:${whole.startOffset}-${whole.endOffset}`;
    const missed = ranges.filter(({ count }) => count === 0);
    const known = this.#untouched.get(key);
    const still = [...(known ?? [])].filter((part) => isWithin(part, missed));
    if (known !== undefined && still.length === known.size) return false;
    // A part that was run now may have parts of its own that were not.
    const parts = known
      ? missed.filter((part) => isWithin(nameOf(part), [...known].map(rangeOf)))
      : missed;
    this.#untouched.set(key, new Set([...still, ...parts.map(nameOf)]));
    return true;
  }
}

type Part = Pick<Profiler.CoverageRange, "startOffset" | "endOffset">;

function nameOf({ startOffset, endOffset }: Part): string {
  return `${startOffset}-${endOffset}`;
}

function rangeOf(name: string): Part {
  const [startOffset = 0, endOffset = 0] = name.split("-").map(Number);
  return { startOffset, endOffset };
}

function isWithin(name: string, parts: readonly Part[]): boolean {
  const { startOffset, endOffset } = rangeOf(name);
  return parts.some((part) => part.startOffset <= startOffset && endOffset <= part.endOffset);
}
