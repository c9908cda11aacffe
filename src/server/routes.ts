import type { HttpBindings } from "@hono/node-server";
import type { Editions } from "./editions.ts";
import type { listen } from "./listener.ts";
import type { Telemetry } from "./telemetry.ts";

const routes = ["/", "/v1/challenges", "/v1/credentials", "/v1/renewals", "/openapi.json"];

/** What callers make up is "other" (H-23). */
export const knownRoutes: readonly string[] = [...routes, "other"];

/** Hands each request to the edition in force when it came, and tells how long the answer took. */
export function timedFetch(
  editions: Editions,
  telemetry: Telemetry,
  now: () => number,
): Parameters<typeof listen>[0] {
  return {
    fetch: async (request, env) => {
      const began = now();
      const { app, settings } = editions.current;
      const bindings = env as HttpBindings;
      const response = await app.fetch(request, bindings);
      const route = routeOf(bindings.incoming.url ?? "", settings.config.publicUrl);
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
