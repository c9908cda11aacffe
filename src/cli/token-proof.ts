import type { Secret } from "../core/secret.ts";
import { credentialBody } from "./asked.ts";
import { type Deadline, ask } from "./asking.ts";
import type { Body } from "./broker-client.ts";
import type { Host } from "./host.ts";
import type { Means } from "./log-proof.ts";
import { audienceFor, fetchToken, type TokenService } from "./oidc-token.ts";
import { TurnedAway } from "./refusal-line.ts";
import { addMask } from "./runner.ts";

/** GitHub's tokens are good for five minutes. */
const reusedForMs = 4 * 60_000;

/** Tokens of this job for one broker and key. */
export class TokenSource {
  readonly #service: TokenService;
  readonly #audience: string;
  readonly #masks: boolean;
  readonly #deadline: Deadline;
  readonly #host: Host;

  constructor(
    service: TokenService,
    to: { broker: URL; publicKey: string; masks: boolean; deadline: Deadline },
    host: Host,
  ) {
    this.#service = service;
    this.#audience = audienceFor(to.broker, to.publicKey);
    this.#masks = to.masks;
    this.#deadline = to.deadline;
    this.#host = host;
  }

  /**
   * For one request and its repetitions, which the broker knows again by their token: the same one as
   * long as it is good; another request takes a fresh one.
   */
  begin(): () => Promise<Secret> {
    let kept: { token: Secret; at: number } | null = null;
    return async () => {
      if (!kept || this.#host.elapsed() - kept.at > reusedForMs)
        kept = { token: await this.#fetch(), at: this.#host.elapsed() };
      return kept.token;
    };
  }

  async #fetch(): Promise<Secret> {
    const token = await fetchToken(this.#service, this.#audience, this.#deadline, this.#host);
    // Nothing of ours shows it; the mask is for what an error or a debugger of others might (C-05).
    if (this.#masks) addMask(this.#host.stderr, token.reveal());
    return token;
  }
}

/**
 * GitHub's word for it is in the token: nothing needs to be seen in a log. Once more with another token
 * if the broker says that this one is used up: an instance may have taken it, and ended before it could
 * answer, and then we or a proxy have asked the next one (F-10).
 */
export async function proveByToken(
  { asked, broker, deadline, host }: Means,
  tokens: TokenSource,
): Promise<Body> {
  const once = (): Promise<Body> => {
    const tokenOf = tokens.begin();
    return ask(
      async (ms) =>
        broker.post("/v1/credentials", credentialBody(asked, { token: await tokenOf() }), ms),
      deadline,
      host,
    );
  };
  try {
    return await once();
  } catch (error) {
    if (error instanceof TurnedAway && error.code === "oidc_invalid" && error.mayPassAnew)
      return once();
    throw error;
  }
}
