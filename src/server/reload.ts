import type { Logger } from "pino";
import type { Config } from "./config.ts";
import type { Editions } from "./editions.ts";
import { faultsOf, type Settings } from "./settings.ts";
import { isSameStore } from "./store/setting.ts";
import type { Telemetry } from "./telemetry.ts";

export interface ReloadParts {
  editions: Editions;
  read: () => Promise<Settings>;
  path: string;
  /** Secrets given as plain variables, which no reading changes. */
  fixed: readonly string[];
  logger: Logger;
  telemetry: Telemetry;
}

/**
 * Reads configuration and secrets again and puts them in force; all of it, or nothing (F-12). Signals
 * that come while that is under way lead to one more reading after it.
 */
export class Reload {
  readonly #parts: ReloadParts;
  #underway: Promise<void> | null = null;
  #again = false;

  constructor(parts: ReloadParts) {
    this.#parts = parts;
  }

  /** Never fails: what is wrong is told in the log, and the old settings stay. */
  run(): Promise<void> {
    if (this.#underway) {
      this.#again = true;
      return this.#underway;
    }
    this.#underway = this.#runAll().finally(() => {
      this.#underway = null;
    });
    return this.#underway;
  }

  async #runAll(): Promise<void> {
    do {
      this.#again = false;
      await this.#once();
    } while (this.#again);
  }

  async #once(): Promise<void> {
    const { editions, read, path, fixed, logger, telemetry } = this.#parts;
    const before = editions.current.settings;
    try {
      const settings = await read();
      editions.replace(settings);
      const { hash, policy } = settings.config;
      const secrets = sameSecrets(before, settings) ? "unchanged" : "changed";
      logger.info(
        { policy: hash, before: before.config.hash, grants: policy.grants.length, secrets },
        "reloaded",
      );
      if (fixed.length > 0) {
        logger.info({ secrets: fixed }, "secrets from plain variables stay until a restart");
      }
      tellLasting(before.config, settings.config, logger);
      const counting = signingKeysOf(settings);
      if (signingKeysOf(before).some((key) => !counting.includes(key))) {
        logger.warn("a signing key is gone: challenges and renewals that it has signed are void");
      }
      telemetry.reloaded(true);
    } catch (error) {
      const faults = faultsOf(error, path);
      logger.error({ faults, policy: before.config.hash }, "not reloaded: the old settings stay");
      telemetry.reloaded(false);
    }
  }
}

function sameSecrets(one: Settings, other: Settings): boolean {
  return one.secrets.fingerprint.reveal() === other.secrets.fingerprint.reveal();
}

/** By which challenges and renewals may be signed; without any, by the broker's own. */
function signingKeysOf({ secrets }: Settings): readonly (string | null)[] {
  const { signingKey, previousSigningKey } = secrets;
  return [
    signingKey?.reveal() ?? null,
    ...(previousSigningKey ? [previousSigningKey.reveal()] : []),
  ];
}

/** What is opened once, at start. */
function tellLasting(before: Config, now: Config, logger: Logger): void {
  const changed = [
    before.auditFile !== now.auditFile && "audit",
    !isSameStore(before.store, now.store) && "store",
  ].filter((setting) => setting !== false);
  for (const setting of changed) {
    logger.warn({ setting }, "this setting changes only by a restart: the old one stays");
  }
}
