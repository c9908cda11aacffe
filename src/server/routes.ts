import type { Arrival } from "./app.ts";
import type { Editions } from "./editions.ts";
import type { Telemetry } from "./telemetry.ts";

const routes = ["/", "/v1/challenges", "/v1/credentials", "/v1/renewals", "/openapi.json"];

/** What callers make up is "other" (H-23). */
export const knownRoutes: readonly string[] = [...routes, "other"];

/** Where requests come in. */
export interface Arrivals {
  readonly fetch: (request: Request, arrival: Arrival) => Promise<Response>;
}

/** Hands each request to the edition in force when it came, and tells how long the answer took. */
export function timedFetch(editions: Editions, telemetry: Telemetry, now: () => number): Arrivals {
  return {
    fetch: async (request, arrival) => {
      const began = now();
      const { app, settings } = editions.current;
      const response = await app.fetch(request, arrival);
      const route = routeOf(arrival.incoming.url ?? "", settings.config.publicUrl);
      telemetry.answered(route, response.status, now() - began);
      return response;
    },
  };
}

function routeOf(path: string, publicUrl: string | undefined): string {
  const base = publicUrl === undefined ? "" : new URL(publicUrl).pathname.replace(/\/$/, "");
  const below = base !== "" && path.startsWith(base) ? path.slice(base.length) || "/" : path;
  return routes.includes(below) ? below : "other";
}
