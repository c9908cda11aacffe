import type { Logger } from "pino";
import type { Edition } from "./editions.ts";
import { ownersOf } from "./github/access.ts";
import type { Trial } from "./github/trial.ts";
import type { Store } from "./store.ts";
import type { SessionState, Telemetry } from "./telemetry.ts";

/** One thing that the broker needs, as it was when last tried. */
export interface Check {
  readonly ok: boolean;
  readonly state: string;
  readonly problem?: string;
}

export interface Report {
  readonly ready: boolean;
  /** When GitHub was tried, ISO 8601. */
  readonly tried_at: string;
  readonly checks: Readonly<Record<string, Check>>;
}

export interface HealthParts {
  edition: () => Edition;
  /** Whether records can be written, as far as the last one tells. */
  audit: () => boolean;
  store: Pick<Store, "check">;
  clock: { wall: () => number; steady: () => number };
  logger: Logger;
  telemetry: Telemetry;
}

interface Tried {
  readonly engine: Edition["engine"];
  readonly at: number;
  readonly answer: Promise<Omit<Report, "ready">>;
}

const notOftenerThanMs = 60_000;

/**
 * Whether the broker could serve a job now: its token and its session are really tried, so that the
 * operator hears of trouble before a job does (F-02). However many ask, GitHub is asked at most once
 * a minute.
 */
export class Health {
  readonly #parts: HealthParts;
  #tried: Tried | null = null;
  #last: Report | null = null;
  readonly #told = new Map<string, string>();

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  /** What was told last, without trying anything; null before the first try has ended. */
  get last(): Report | null {
    return this.#last;
  }

  async report(): Promise<Report> {
    const { tried_at, checks } = await this.#latest();
    const audit: Check = this.#parts.audit()
      ? { ok: true, state: "written" }
      : { ok: false, state: "unwritable", problem: "the last audit record could not be written" };
    const all = { ...checks, audit, store: await this.#store() };
    this.#last = { ready: Object.values(all).every(({ ok }) => ok), tried_at, checks: all };
    return this.#last;
  }

  async #store(): Promise<Check> {
    try {
      await this.#parts.store.check();
      return { ok: true, state: "answers" };
    } catch {
      return { ok: false, state: "unavailable", problem: "the store does not answer" };
    }
  }

  /** Those who ask within a minute share one try; other credentials get a try of their own. */
  #latest(): Tried["answer"] {
    const { clock, edition } = this.#parts;
    const { engine } = edition();
    const now = clock.steady();
    if (this.#tried?.engine !== engine || now - this.#tried.at >= notOftenerThanMs) {
      this.#tried = { engine, at: now, answer: this.#try(edition()) };
    }
    return this.#tried.answer;
  }

  async #try(edition: Edition): Tried["answer"] {
    const tried_at = new Date(this.#parts.clock.wall()).toISOString();
    return { tried_at, checks: await this.#tryGitHub(edition) };
  }

  async #tryGitHub({ engine, rules }: Edition): Promise<Record<string, Check>> {
    if (!engine.github) {
      this.#parts.telemetry.session("not_needed");
      return { recording: { ok: true, state: "in place of GitHub" } };
    }
    const { api, session } = engine.github.trials;
    const owners = ownersOf(rules.policy.grants);
    const [ofApi, ofSession] = await Promise.all([api?.(owners), session?.()]);
    this.#parts.telemetry.session(sessionState(ofSession));
    const checks = {
      github_api: checkOf(ofApi, "accepted", "refused"),
      github_session: checkOf(ofSession, "signed_in", "expired"),
    };
    this.#tell("github_api", checks.github_api, "GitHub does not take the broker's token");
    this.#tell(
      "github_session",
      checks.github_session,
      "the broker's session at GitHub is not signed in: jobs that prove themselves by their log will be turned away",
    );
    if (ofApi?.kind === "good") this.#warnOfScopes(ofApi.scopes);
    return checks;
  }

  /** One line at each change, and none while all is well from the start. */
  #tell(name: string, { ok, state, problem }: Check, message: string): void {
    const before = this.#told.get(name);
    if (before === state) return;
    this.#told.set(name, state);
    if (!ok) this.#parts.logger.warn({ check: name, state, problem }, message);
    else if (before !== undefined) this.#parts.logger.info({ check: name, state }, "well again");
  }

  #warnOfScopes(scopes: string | undefined): void {
    const strong = (scopes ?? "").split(/, */).filter((scope) => !harmless.has(scope));
    const state = strong.join(" ");
    if (strong.length === 0 || this.#told.get("scopes") === state) return;
    this.#told.set("scopes", state);
    this.#parts.logger.warn(
      { scopes: strong.slice(0, 20) },
      "the token can do more than read runs: use a GitHub App, or a fine-grained token with Actions, Contents and Metadata read (F-19)",
    );
  }
}

const harmless = new Set(["", "public_repo", "read:user", "read:org", "user:email"]);

/** What could not be told does not make a broker unready; what is refused or out of reach does. */
function checkOf(trial: Trial | undefined, good: string, refused: string): Check {
  if (trial === undefined) return { ok: true, state: "not_needed" };
  if (trial.kind === "good") return { ok: true, state: good };
  const state = trial.kind === "refused" ? refused : trial.kind;
  return { ok: trial.kind === "unknown", state, problem: trial.problem };
}

function sessionState(trial: Trial | undefined): SessionState {
  if (trial === undefined) return "not_needed";
  if (trial.kind === "good") return "signed_in";
  return trial.kind === "refused" ? "expired" : "unknown";
}
