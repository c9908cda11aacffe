import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { warnings } from "../core/warnings.ts";
import { createApp } from "./app.ts";
import type { Rules } from "./broker-parts.ts";
import { ClientAddresses } from "./client-address.ts";
import type { Config } from "./config.ts";
import { type Engine, type Lasting, openEngine, sameEngine } from "./engine.ts";
import { Limits } from "./limits.ts";
import type { Settings } from "./settings.ts";

/** The broker as one state of its settings makes it. Never changed, only replaced as a whole. */
export interface Edition {
  readonly settings: Settings;
  readonly rules: Rules;
  readonly engine: Engine;
  readonly limits: Limits;
  readonly app: ReturnType<typeof createApp>;
}

/**
 * The edition in force. A request is answered from start to end by the edition that it came to, so
 * that no decision is half of one policy and half of another (F-12).
 */
export class Editions {
  readonly #lasting: Lasting;
  readonly #logger: Logger;
  #current: Edition;

  constructor(settings: Settings, lasting: Omit<Lasting, "rules">, logger: Logger) {
    this.#lasting = { ...lasting, rules: () => this.#current.rules };
    this.#logger = logger;
    this.#current = this.#open(settings, null);
  }

  get current(): Edition {
    return this.#current;
  }

  /** Puts new settings in force, for all requests that come from now on. */
  replace(settings: Settings): void {
    this.#current = this.#open(settings, this.#current);
  }

  #open(settings: Settings, before: Edition | null): Edition {
    const { config } = settings;
    for (const warning of warnings(config.policy)) this.#logger.warn(warning);
    const kept = before && sameEngine(before.settings, settings) ? before.engine : null;
    const engine = kept ?? openEngine(settings, this.#lasting);
    // Counts go on, so that a reload opens no door to who has been asking too often.
    const limits =
      before && sameLimits(before.settings.config, config)
        ? before.limits
        : new Limits(config.limits, this.#lasting.store);
    const rules = Object.freeze({ policy: config.policy, hash: config.hash });
    const app = createApp({
      broker: engine.broker,
      rules: () => rules,
      addresses: new ClientAddresses(config.trustedProxies),
      limits,
      logger: this.#logger,
      requestId: randomUUID,
      basePath: config.publicUrl ? new URL(config.publicUrl).pathname.replace(/\/$/, "") : "",
    });
    return { settings, rules, engine, limits, app };
  }
}

function sameLimits(one: Config, other: Config): boolean {
  return JSON.stringify(one.limits) === JSON.stringify(other.limits);
}
