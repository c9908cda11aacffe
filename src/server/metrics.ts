import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { codes } from "../core/errors.ts";
import { knownRoutes } from "./routes.ts";
import {
  type Service,
  type SessionState,
  statusClass,
  type StatusClass,
  type Telemetry,
} from "./telemetry.ts";

const prefix = "actions2aws_";
const sessionStates: readonly SessionState[] = ["signed_in", "expired", "unknown", "not_needed"];

/**
 * Prometheus metrics, in a registry of their own. Labels are codes, names of grants and fixed words:
 * however many repositories ask, the number of series stays what it is (H-23).
 */
export class Metrics implements Telemetry {
  readonly #registry = new Registry();
  readonly #budgets = new Map<string, number>();
  readonly #decisions = this.#counter("decisions_total", "Decisions on credentials, by outcome", [
    "decision",
    "code",
    "grant",
  ]);
  readonly #upstream = this.#histogram(
    "upstream_seconds",
    "How long other services took to answer, each try by itself",
    ["service", "status"],
    [0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8],
  );
  readonly #http = this.#histogram(
    "http_request_seconds",
    "How long requests took, by route and status",
    ["route", "status"],
    [0.01, 0.1, 0.5, 1, 2, 4, 8, 16],
  );
  readonly #limited = this.#counter(
    "rate_limited_total",
    "Requests that were turned away by a limit, before anything was decided",
    [],
  );
  readonly #auditLag = this.#histogram(
    "audit_lag_seconds",
    "From a decision, or an intent, until it was on disk",
    [],
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2],
  );
  readonly #auditFailures = this.#counter(
    "audit_failures_total",
    "Audit records that could not be written: nothing was issued",
    [],
  );
  readonly #remaining = this.#gauge(
    "github_rate_limit_remaining",
    "What is left of GitHub's hourly limit; with a GitHub App, of the owner's who has least",
    [],
  );
  readonly #limit = this.#gauge("github_rate_limit", "GitHub's hourly limit, as last told", []);
  readonly #session = this.#gauge(
    "github_session",
    "State of the session at GitHub's web: 1 for the one that holds",
    ["state"],
  );
  readonly #reloads = this.#counter("config_reloads_total", "Reloads by SIGHUP", ["result"]);
  readonly #lastReload = this.#gauge(
    "config_last_reload_successful",
    "Whether the last reload was put in force; 1 before the first",
    [],
  );

  constructor(version: string) {
    collectDefaultMetrics({ register: this.#registry });
    this.#keepSeriesFew();
    this.#gauge("build_info", "What runs here", ["version", "node"])
      .labels(version, process.versions.node)
      .set(1);
    this.#lastReload.set(1);
    this.#auditFailures.inc(0);
    this.#limited.inc(0);
    for (const code of codes) this.#decisions.labels("denied", code, "").inc(0);
    for (const route of knownRoutes) {
      for (const status of ["2xx", "4xx", "5xx"]) this.#http.zero({ route, status });
    }
    for (const result of ["good", "bad"]) this.#reloads.labels(result).inc(0);
    this.session("unknown");
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  decided(decision: string, code: string, grant: string): void {
    this.#decisions.labels(decision, code, grant).inc();
  }

  audited(milliseconds: number, written: boolean): void {
    if (written) this.#auditLag.observe(milliseconds / 1_000);
    else this.#auditFailures.inc();
  }

  called(service: Service, outcome: StatusClass, milliseconds: number): void {
    this.#upstream.labels(service, outcome).observe(milliseconds / 1_000);
  }

  budget(of: string, remaining: number, limit: number): void {
    this.#budgets.set(of, remaining);
    this.#remaining.set(Math.min(...this.#budgets.values()));
    this.#limit.set(limit);
  }

  session(state: SessionState): void {
    for (const each of sessionStates) this.#session.labels(each).set(each === state ? 1 : 0);
  }

  reloaded(good: boolean): void {
    this.#reloads.labels(good ? "good" : "bad").inc();
    this.#lastReload.set(good ? 1 : 0);
  }

  answered(route: string, status: number, milliseconds: number): void {
    this.#http.labels(route, statusClass(status)).observe(milliseconds / 1_000);
    if (status === 429) this.#limited.inc();
  }

  /** What comes and goes with each socket is counted as a whole, and what will come is there from the start. */
  #keepSeriesFew(): void {
    for (const of of ["handles", "requests", "resources"])
      this.#registry.removeSingleMetric(`nodejs_active_${of}`);
    const collections = this.#registry.getSingleMetric("nodejs_gc_duration_seconds");
    if (!(collections instanceof Histogram)) return;
    for (const kind of ["major", "minor", "incremental", "weakcb"]) collections.zero({ kind });
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name: prefix + name, help, labelNames, registers: [this.#registry] });
  }

  #gauge<L extends string>(name: string, help: string, labelNames: L[]): Gauge<L> {
    return new Gauge({ name: prefix + name, help, labelNames, registers: [this.#registry] });
  }

  #histogram<L extends string>(
    name: string,
    help: string,
    labelNames: L[],
    buckets: number[],
  ): Histogram<L> {
    return new Histogram({
      name: prefix + name,
      help,
      labelNames,
      buckets,
      registers: [this.#registry],
    });
  }
}
