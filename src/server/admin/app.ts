import { createHash, randomBytes } from "node:crypto";
import { Hono } from "hono";
import { isLoopback } from "../../core/loopback.ts";
import type { Health } from "../health.ts";
import type { Metrics } from "../metrics.ts";
import { live } from "./live.ts";
import { news, page } from "./page.ts";
import type { Filter, RecentDecisions } from "./recent.ts";
import { style } from "./style.ts";

export interface AdminParts {
  version: string;
  health: Health;
  metrics: Metrics;
  recent: RecentDecisions;
  /** Names of the grants in force. */
  grants: () => readonly string[];
  /** Listens on loopback: then only names of loopback are ours. */
  local: boolean;
}

const script = `(${live.toString()})();`;

/** Only what the page brings itself may run or style it, and nobody may frame it (H-22). */
const contentSecurityPolicy = [
  "default-src 'none'",
  `script-src '${digest(script)}'`,
  `style-src '${digest(style)}'`,
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** What the operator sees: health, metrics, and the page of recent decisions. It changes nothing. */
export function createAdminApp(parts: AdminParts): Hono {
  const { version, health, metrics, recent, grants, local } = parts;
  // After a restart numbers begin anew: a page that was open before has to be filled anew.
  const boot = randomBytes(6).toString("hex");
  const cursor = (): string => `${boot}.${recent.count}`;
  const app = new Hono();
  app.use(async (context, next) => {
    // A web page elsewhere can get a name of its own to lead here; it can't get ours (H-16).
    if (local && !isOurs(context.req.header("host")))
      return context.json({ error: "this name is not the broker's" }, 421);
    if (context.req.method !== "GET")
      return context.json({ error: "use GET" }, 405, { allow: "GET, HEAD" });
    await next();
    context.header("cache-control", "no-store");
    context.header("x-content-type-options", "nosniff");
    context.header("referrer-policy", "no-referrer");
    context.header("cross-origin-resource-policy", "same-origin");
    context.header("content-security-policy", contentSecurityPolicy);
    return undefined;
  });
  app.get("/healthz", (context) => context.json({ alive: true }));
  app.get("/readyz", async (context) => {
    const report = await health.report();
    return context.json(report, report.ready ? 200 : 503);
  });
  app.get("/metrics", async (context) => {
    context.header("content-type", metrics.contentType);
    return context.body(await metrics.text());
  });
  app.get("/", (context) => {
    const filter = filterOf(context.req.query());
    const decisions = recent.list(filter);
    const state = { count: recent.count, cursor: cursor(), report: health.last };
    return context.html(
      page({ version, script, style, filter, grants: grants(), decisions, ...state }),
    );
  });
  app.get("/decisions", (context) => {
    const { after = "", ...query } = context.req.query();
    const [since, number = ""] = after.split(".");
    const known = since === boot && /^\d{1,15}$/.test(number);
    context.header("x-cursor", cursor());
    context.header("x-anew", known ? "no" : "yes");
    const newer = recent.list(filterOf(query), known ? Number(number) : 0);
    return context.html(news({ count: recent.count, report: health.last }, newer));
  });
  app.notFound((context) => context.json({ error: "there is nothing here" }, 404));
  app.onError((_error, context) => context.json({ error: "the broker failed" }, 500));
  return app;
}

function filterOf({ decision, grant }: Record<string, string>): Filter {
  return {
    decision: decision === "allowed" || decision === "denied" ? decision : undefined,
    grant: grant === "" ? undefined : grant,
  };
}

function isOurs(host: string | undefined): boolean {
  return isLoopback((host ?? "").replace(/:\d*$/, "").toLowerCase());
}

function digest(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
