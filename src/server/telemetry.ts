/** Whom the broker calls. */
export type Service = "api" | "web" | "storage" | "oidc" | "sts";

/** How a call ended: the class of its status, or an error when there was no answer. */
export type StatusClass = "2xx" | "3xx" | "4xx" | "5xx" | "error";

export type SessionState = "signed_in" | "expired" | "unknown" | "not_needed";

/**
 * What the broker tells of itself while it works. Nothing in it is chosen by those who ask: codes,
 * names of grants, and fixed words (H-23).
 */
export interface Telemetry {
  /** A decision whose record is on disk after so many milliseconds, or could not be written. */
  decided(decision: string, code: string, grant: string): void;
  audited(milliseconds: number, written: boolean): void;
  called(service: Service, outcome: StatusClass, milliseconds: number): void;
  /** @param of which rate limit; there is one for each owner where a GitHub App is used */
  budget(of: string, remaining: number, limit: number): void;
  session(state: SessionState): void;
  reloaded(good: boolean): void;
  answered(route: string, status: number, milliseconds: number): void;
}

/** For a broker that nobody watches. */
export const silent: Telemetry = {
  decided: ignore,
  audited: ignore,
  called: ignore,
  budget: ignore,
  session: ignore,
  reloaded: ignore,
  answered: ignore,
};

export function statusClass(status: number): StatusClass {
  if (status < 300) return "2xx";
  if (status < 400) return "3xx";
  return status < 500 ? "4xx" : "5xx";
}

function ignore(): void {
  // Nobody listens.
}
