/** When credentials came, end, and may be renewed; all in milliseconds since 1970. */
export interface Lifespan {
  readonly obtainedAt: number;
  readonly expiresAt: number;
  /** What the broker says, if it is to be understood. */
  readonly renewalAfter: number | null;
}

const longestMarginMs = 5 * 60_000;

/** Five minutes or a third of a life, whichever is less: what a call to AWS may need is left. */
export function hasMargin(life: Lifespan, now: number): boolean {
  return now < life.expiresAt - marginOf(life);
}

/**
 * When to renew: from the broker's time on, so that a broker in trouble has time to get well, but
 * never in the first half of a life, which would make each call a renewal.
 */
export function renewalTime(life: Lifespan): number {
  const { obtainedAt, expiresAt, renewalAfter } = life;
  const latest = expiresAt - marginOf(life);
  if (renewalAfter === null) return latest;
  return Math.min(Math.max(renewalAfter, (obtainedAt + expiresAt) / 2), latest);
}

function marginOf({ obtainedAt, expiresAt }: Lifespan): number {
  return Math.min(longestMarginMs, Math.max(0, expiresAt - obtainedAt) / 3);
}
