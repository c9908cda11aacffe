import type { Hono } from "hono";
import type { Editions } from "../editions.ts";
import type { Health } from "../health.ts";
import type { ListenAddress } from "../listen-address.ts";
import { Metrics } from "../metrics.ts";
import { createAdminApp } from "./app.ts";
import { RecentDecisions } from "./recent.ts";

/** What is kept for the operator while the broker runs. */
export class Admin {
  readonly metrics: Metrics;
  readonly recent = new RecentDecisions();
  readonly #version: string;

  constructor(version: string) {
    this.#version = version;
    this.metrics = new Metrics(version);
  }

  app(editions: Editions, health: Health, { local }: ListenAddress): Hono {
    return createAdminApp({
      version: this.#version,
      metrics: this.metrics,
      recent: this.recent,
      health,
      grants: () => editions.current.rules.policy.grants.map(({ name }) => name),
      local,
    });
  }
}
