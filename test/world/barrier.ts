import type { Request } from "./answer.ts";
import type { Match } from "./fault.ts";
import type { Rules } from "./rules.ts";

/** Holds answers until a test has done what should happen meanwhile. */
export interface Barrier {
  /** Resolves when a matching request has arrived. */
  readonly arrived: Promise<Request>;
  /** Lets the held answers go, and holds no more. */
  release(): void;
}

export interface BarrierOptions {
  /** How many requests it holds; 1 when left out. */
  readonly times?: number;
  /** Makes the answer when it is released, not when the request arrives. */
  readonly late?: boolean;
}

/** What a held request waits for. */
export interface Held {
  readonly match: Match;
  readonly times: number;
  readonly late: boolean;
  readonly open: Promise<void>;
  readonly arrive: (request: Request) => void;
}

export function addBarrier(barriers: Rules<Held>, match: Match, options: BarrierOptions): Barrier {
  const arrival = Promise.withResolvers<Request>();
  const opening = Promise.withResolvers<void>();
  const { times = 1, late = false } = options;
  const held = { match, times, late, open: opening.promise, arrive: arrival.resolve };
  const handle = barriers.add(held);
  return {
    arrived: arrival.promise,
    release: () => {
      handle.remove();
      opening.resolve();
    },
  };
}
