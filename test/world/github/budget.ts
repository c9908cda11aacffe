import { json, type Answer } from "../answer.ts";
import { refusal } from "./errors.ts";
import type { State } from "./state.ts";

const hour = 3_600_000;

/** The refusal for who has used up the rate limit, or asks too fast. */
export function overLimit(state: State): Answer | undefined {
  const { secondaryLimit } = state;
  if (secondaryLimit !== null) {
    const message =
      "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    const page =
      "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits";
    return refusal(secondaryLimit.status, message, page, {
      "retry-after": String(secondaryLimit.retryAfter),
    });
  }
  const { limit, used } = current(state);
  if (used < limit) return undefined;
  return refusal(
    403,
    "API rate limit exceeded for user ID 1.",
    "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api",
  );
}

/** Charges an answer, and tells the reader what is left. A 304 is free. */
export function charge<Note extends object>(state: State, answer: Answer<Note>): Answer<Note> {
  const budget = current(state);
  const cost = answer.cost ?? (answer.status === 304 ? 0 : 1);
  budget.used = Math.min(budget.used + cost, budget.limit);
  const headers = {
    ...answer.headers,
    "x-ratelimit-limit": String(budget.limit),
    "x-ratelimit-remaining": String(budget.limit - budget.used),
    "x-ratelimit-reset": String(Math.ceil(budget.resetAt / 1_000)),
    "x-ratelimit-resource": "core",
    "x-ratelimit-used": String(budget.used),
  };
  return { ...answer, headers, cost };
}

/** GET /rate_limit, which is free. */
export function rateLimit(state: State): Answer {
  const { limit, used, resetAt } = current(state);
  const core = {
    limit,
    used,
    remaining: limit - used,
    reset: Math.ceil(resetAt / 1_000),
    resource: "core",
  };
  const search = { limit: 30, used: 0, remaining: 30, reset: core.reset, resource: "search" };
  return { ...json({ resources: { core, search }, rate: core }), cost: 0 };
}

/** The budget of this hour. */
function current(state: State): State["budget"] {
  const { budget } = state;
  if (state.now() >= budget.resetAt) {
    budget.used = 0;
    budget.resetAt = state.now() + hour;
  }
  return budget;
}
