import type { Clock } from "./broker-parts.ts";

/** Less is how two clocks that are read one after the other differ anyway. */
const gapMs = 50;

/**
 * A monotonic clock may stand still while the process does: on a machine that sleeps, in a function
 * that is frozen between two requests. An answer of GitHub's that is minutes old would look fresh then.
 * So what the wall clock has moved on meanwhile counts as well: of the two the one by which more time
 * has passed. A wall clock that is set back takes nothing away; one that is set forward makes what is
 * known look older than it is, and it is asked for again.
 */
export function wakefulClock(wall: () => number, steady: () => number): Clock {
  let slept = 0;
  /** How far the wall clock is ahead, at the least since the last sleep. */
  let lead = wall() - steady();
  return {
    wall,
    steady() {
      const now = steady();
      const ahead = wall() - now;
      if (ahead - lead > gapMs) {
        slept += ahead - lead;
        lead = ahead;
      }
      lead = Math.min(lead, ahead);
      return now + slept;
    },
  };
}

/** This process's own. */
export const clock: Clock = wakefulClock(
  () => Date.now(),
  () => performance.now(),
);
