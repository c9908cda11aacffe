import { assertOfAccount } from "./account.ts";
import type { AgeKey } from "./age-key.ts";
import type { Asked } from "./asked.ts";
import { type Deadline, ask } from "./asking.ts";
import { BrokerClient } from "./broker-client.ts";
import type { Credentials } from "./credentials.ts";
import { Failure, exitCodes } from "./failure.ts";
import { type Host, say } from "./host.ts";
import { type Issued, openAnswer } from "./issued.ts";
import { liveFeed } from "./live-feed.ts";
import type { Means, Open } from "./log-proof.ts";
import type { ProofKind } from "./proof-kind.ts";
import { prove, proveSilently, wantsLog } from "./prove.ts";
import { proxyFor, proxyNotice } from "./proxy.ts";
import { TurnedAway } from "./refusal-line.ts";

/** From whom, by which proof, and what must hold of it. */
export interface SourceOptions {
  readonly url: URL;
  readonly proof: ProofKind;
  readonly announceTo: string | undefined;
  readonly expectAccount: string | undefined;
  /** Whether stderr is read by the runner, which then hides the tokens. */
  readonly masksTokens: boolean;
}

/** The broker, as the place where credentials for one role come from. */
export class CredentialSource {
  readonly #asked: Asked;
  readonly #options: SourceOptions;
  readonly #host: Host;
  #open: Open | null = null;

  constructor(asked: Asked, options: SourceOptions, host: Host) {
    this.#asked = asked;
    this.#options = options;
    this.#host = host;
  }

  /** By a proof, which may be shown in the log. */
  prove(deadline: Deadline): Promise<Issued> {
    return this.#with(deadline, async (means) =>
      this.#take(await prove(this.#options.proof, means, this.#tokens()), means),
    );
  }

  /** By the renewal token; if that is refused, by a new proof that needs no log. */
  renew({ renewalToken }: Credentials, deadline: Deadline): Promise<Issued> {
    return this.#with(deadline, async (means) => {
      try {
        if (!renewalToken) throw new Failure(exitCodes.denied, "the broker gave no renewal token");
        const body = { renewal_token: renewalToken.reveal() };
        const renewal = ask(
          (ms) => means.broker.post("/v1/renewals", body, ms),
          deadline,
          this.#host,
        );
        return await this.#take(await renewal, means);
      } catch (refusal) {
        return this.#proveAfter(refusal, means);
      }
    });
  }

  async #proveAfter(refusal: unknown, means: Means): Promise<Issued> {
    const isFinal = !(refusal instanceof TurnedAway) || refusal.code === "not_in_progress";
    const proof = isFinal ? null : proveSilently(this.#options.proof, means, this.#tokens());
    if (proof === null) throw refusal;
    try {
      return await this.#take(await proof, means);
    } catch (error) {
      // That the log would be needed is not what went wrong.
      throw wantsLog(error) ? refusal : error;
    }
  }

  async #take(answer: Awaited<ReturnType<typeof prove>>, { open }: Means): Promise<Issued> {
    const issued = await openAnswer(answer, open, () => this.#host.now());
    const { expectAccount } = this.#options;
    if (expectAccount !== undefined) assertOfAccount(issued.credentials, expectAccount);
    return issued;
  }

  async #with<T>(deadline: Deadline, work: (means: Means) => Promise<T>): Promise<T> {
    const host = this.#host;
    const { url, announceTo } = this.#options;
    const feed = announceTo === undefined ? null : liveFeed(announceTo);
    const proxy = proxyFor(url, host.env);
    if (proxy && this.#open === null) say(host, proxyNotice(proxy));
    const open = (this.#open ??= opener(this.#asked.key));
    const broker = await BrokerClient.to(url, host);
    try {
      return await work({ asked: this.#asked, broker, open, feed, deadline, host });
    } finally {
      broker.close();
    }
  }

  #tokens() {
    return { broker: this.#options.url, masks: this.#options.masksTokens };
  }
}

/** age-encryption is loaded while the broker thinks. */
function opener(key: AgeKey): Open {
  const loading = import("../core/seal.ts");
  return async (armored) => {
    const { open } = await loading;
    try {
      return await open(key.identity.reveal(), armored);
    } catch {
      throw new Failure(
        exitCodes.other,
        "the broker's answer cannot be opened with this identity: is --url the broker's address?",
      );
    }
  };
}
