import type { Refusal } from "../core/errors.ts";

/**
 * Waits for what only reads, until AWS must be asked for the answer to come in time. What goes on after
 * that can do nothing: whoever waited for it has gone.
 *
 * @param decideBy monotonic milliseconds; no limit when there is none
 * @throws {Refusal} `late`, and what the work throws
 */
export async function inTime<T>(
  work: Promise<T>,
  decideBy: number | undefined,
  now: () => number,
  late: () => Refusal,
): Promise<T> {
  if (decideBy === undefined) return work;
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), Math.max(0, decideBy - now()));
  });
  try {
    const result = await Promise.race([work, over]);
    // A process that was held up may have its timers behind its answers.
    if (now() >= decideBy) throw late();
    return result;
  } finally {
    clearTimeout(timer);
  }
}
