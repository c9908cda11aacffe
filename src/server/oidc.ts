import {
  createLocalJWKSet,
  errors,
  type JSONWebKeySet,
  jwtVerify,
  type JWTPayload,
  type LocalJWKSet,
} from "jose";
import { Refusal } from "../core/errors.ts";
import { type Claims, oidcInvalid, parseClaims } from "../core/oidc-claims.ts";
import { type Network, NetworkError } from "./network.ts";

export interface TokenVerifier {
  /**
   * @param audience the one audience that counts: broker and key (O-01)
   * @throws {Refusal} oidc_invalid, github_unavailable while no keys are to be had
   */
  verify(token: string, audience: string): Promise<Claims>;
}

export interface OidcOptions {
  issuer: string;
  network: Network;
  /** Milliseconds since 1970. */
  wall: () => number;
  /** Monotonic milliseconds. */
  steady: () => number;
}

const skewSeconds = 60;
const maxAgeSeconds = 600;
/** Keys are asked for again after this, or when a token names one that is not among them … */
const keysFreshForMs = 10 * 60_000;
/** … but never oftener than this (O-08) … */
const askAgainAfterMs = 60_000;
/** … and in an outage the last good ones hold this long (O-07). */
const keysHoldForMs = 24 * 3_600_000;

interface Keys {
  set: LocalJWKSet;
  at: number;
}

/** Verifies GitHub's OIDC tokens. Issuer, address of the keys and algorithm are ours, never the token's (O-02, O-03). */
export class OidcVerifier implements TokenVerifier {
  readonly #options: OidcOptions;
  #keys: Keys | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | null = null;

  constructor(options: OidcOptions) {
    this.#options = options;
  }

  async verify(token: string, audience: string): Promise<Claims> {
    if (!isCompact(token)) throw oidcInvalid("it is not a signed token");
    const payload = await this.#verified(token, audience);
    // A list of audiences would be good for others as well.
    if (payload.aud !== audience) throw oidcInvalid("its audience is not this broker and key");
    return parseClaims(payload);
  }

  async #verified(token: string, audience: string): Promise<JWTPayload> {
    const keys = await this.#current();
    try {
      return await this.#check(keys, token, audience);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw refusalOf(error);
      const newer = await this.#newerThan(keys);
      if (newer === null) throw oidcInvalid("its key is not one of the issuer's");
      return this.#check(newer, token, audience).catch((again: unknown) => {
        throw refusalOf(again);
      });
    }
  }

  async #check({ set }: Keys, token: string, audience: string): Promise<JWTPayload> {
    const { payload } = await jwtVerify(token, set, {
      algorithms: ["RS256"],
      issuer: this.#options.issuer,
      audience,
      clockTolerance: skewSeconds,
      maxTokenAge: maxAgeSeconds,
      requiredClaims: ["exp", "iat", "jti"],
      currentDate: new Date(this.#options.wall()),
    });
    return payload;
  }

  async #current(): Promise<Keys> {
    const age = this.#options.steady() - (this.#keys?.at ?? Number.NEGATIVE_INFINITY);
    if (age > keysFreshForMs) await this.#ask();
    if (this.#keys && this.#options.steady() - this.#keys.at < keysHoldForMs) return this.#keys;
    throw new Refusal("github_unavailable", {
      detail: "The keys of GitHub's OIDC issuer can't be had.",
      retryAfter: 5,
    });
  }

  async #newerThan(keys: Keys): Promise<Keys | null> {
    await this.#ask();
    return this.#keys === keys ? null : this.#keys;
  }

  /** Asks for the keys, unless that was done a moment ago; those who ask at once share one call. */
  async #ask(): Promise<void> {
    const now = this.#options.steady();
    if (this.#asking === null && now - this.#askedAt >= (this.#keys ? askAgainAfterMs : 1_000)) {
      this.#askedAt = now;
      this.#asking = this.#fetch().finally(() => {
        this.#asking = null;
      });
    }
    await this.#asking;
  }

  /** A failure changes nothing: the keys that are there go on. */
  async #fetch(): Promise<void> {
    const { issuer, network, steady } = this.#options;
    const at = steady();
    try {
      const answer = await network.call({
        url: `${issuer}/.well-known/jwks`,
        maxBytes: 256 * 1024,
        timeoutMs: 5_000,
      });
      if (answer.status !== 200) return;
      const set = createLocalJWKSet(JSON.parse(answer.body) as JSONWebKeySet);
      // An issuer without keys is one in trouble.
      if (set.jwks().keys.length > 0) this.#keys = { set, at };
    } catch (error) {
      if (
        !(
          error instanceof NetworkError ||
          error instanceof SyntaxError ||
          error instanceof errors.JOSEError
        )
      )
        throw error;
    }
  }
}

/** Three parts, the signature in its one spelling: there is one text for each token (O-13). */
function isCompact(token: string): boolean {
  const [, signature] = /^[\w-]+\.[\w-]+\.([\w-]+)$/.exec(token) ?? [];
  return (
    signature !== undefined &&
    Buffer.from(signature, "base64url").toString("base64url") === signature
  );
}

/** jose's errors name claims, never their values; even so, only fixed texts go on. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof errors.JWTExpired) return oidcInvalid("it has expired");
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "aud") return oidcInvalid("its audience is not this broker and key");
    if (error.claim === "iss") return oidcInvalid("its issuer is not this broker's GitHub");
    return oidcInvalid("its times or claims are not as they should be");
  }
  return oidcInvalid("its signature can't be verified");
}
