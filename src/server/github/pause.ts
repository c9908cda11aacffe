import { Refusal } from "../../core/errors.ts";
import { type Answer, retryAfterSeconds } from "../network.ts";

/** GitHub's own limits are by the hour: whoever names more gets one call then, to say it again. */
const longestSeconds = 3_600;

/** The pause that an answer asks for, in seconds; null when it speaks of none (F-03). */
export function pauseSeconds({ status, headers, body }: Answer, now: number): number | null {
  if (status !== 403 && status !== 429 && status !== 503) return null;
  const told = retryAfterSeconds(headers, now);
  if (told !== null) return bounded(told);
  if (status === 503) return null;
  if (headers["x-ratelimit-remaining"] === "0") {
    const reset = Number(headers["x-ratelimit-reset"]) - Math.floor(now / 1000);
    return Number.isFinite(reset) ? bounded(reset) : 60;
  }
  return status === 429 || /rate limit/i.test(body) ? 60 : null;
}

function bounded(seconds: number): number {
  return Math.min(Math.max(1, seconds), longestSeconds);
}

export function rateLimited(seconds: number): Refusal {
  return new Refusal("github_rate_limited", {
    detail: "GitHub wants no calls for now.",
    retryAfter: seconds,
    note: `paused for ${seconds} s`,
  });
}
