import { Deadline } from "./asking.ts";
import type { CredentialSource } from "./credential-source.ts";
import type { Credentials } from "./credentials.ts";
import { exitCodes, Failure, lineOf } from "./failure.ts";
import { type Host, say } from "./host.ts";
import type { Issued } from "./issued.ts";
import { renewalTime } from "./lifespan.ts";

const longestPauseMs = 20_000;
/** A clock can be set, and a machine can sleep. */
const longestSleepMs = 60_000;

/** Credentials that are renewed before they end, as long as the broker gives others. */
export class Supply {
  readonly #source: CredentialSource;
  readonly #timeoutSeconds: number;
  readonly #onRenewed: (issued: Issued) => void;
  readonly #host: Host;
  readonly #stopped = new AbortController();
  #current: Issued;

  constructor(
    first: Issued,
    source: CredentialSource,
    how: { timeoutSeconds: number; onRenewed: (issued: Issued) => void },
    host: Host,
  ) {
    this.#current = first;
    this.#source = source;
    this.#timeoutSeconds = how.timeoutSeconds;
    this.#onRenewed = how.onRenewed;
    this.#host = host;
  }

  /** @returns null when they have ended */
  current(): Credentials | null {
    return this.#current.expiresAt > this.#host.now() ? this.#current.credentials : null;
  }

  /** Renews until it is stopped, or refused. */
  async run(): Promise<void> {
    let notBefore = 0;
    let told = "";
    while (await this.#until(Math.max(renewalTime(this.#current), notBefore))) {
      try {
        const deadline = new Deadline(this.#timeoutSeconds, this.#host);
        const issued = await this.#source.renew(this.#current.credentials, deadline);
        if (this.#stopped.signal.aborted) return;
        this.#onRenewed(issued);
        this.#current = issued;
        told = "";
      } catch (error) {
        if (this.#stopped.signal.aborted) return;
        const mayPass = error instanceof Failure && error.exitCode === exitCodes.unavailable;
        const line = `the credentials are not renewed: ${lineOf(error)}`;
        const { expiration } = this.#current.credentials;
        if (!mayPass) return say(this.#host, `${line}; they end at ${expiration}`);
        if (line !== told) say(this.#host, `${line}; trying on`);
        told = line;
        notBefore = this.#host.now() + this.#pause();
      }
    }
  }

  stop(): void {
    this.#stopped.abort();
  }

  #pause(): number {
    const left = Math.max(0, this.#current.expiresAt - this.#host.now());
    return Math.min(longestPauseMs, 500 + left / 4) * (0.5 + this.#host.random() / 2);
  }

  /** @returns false when it was stopped meanwhile */
  async #until(time: number): Promise<boolean> {
    const { signal } = this.#stopped;
    while (!signal.aborted && this.#host.now() < time) {
      await this.#host.sleep(Math.min(longestSleepMs, time - this.#host.now()), signal);
    }
    return !signal.aborted;
  }
}
