import {
  createLocalJWKSet,
  errors,
  type JSONWebKeySet,
  jwtVerify,
  type JWTPayload,
  type LocalJWKSet,
} from "jose";
import { Refusal } from "../core/errors.ts";
import { givesKeyTwice } from "../core/json.ts";
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
/** … but never oftener than this, whatever keys tokens name (O-08) … */
const askAgainAfterMs = 10_000;
/** … and in an outage the last good ones hold this long (O-07). */
const keysHoldForMs = 24 * 3_600_000;
/** With none that hold, they are asked for as often as this. */
const tryAgainAfterMs = 1_000;

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
  /** The last time the issuer gave no keys. */
  #failing = false;

  constructor(options: OidcOptions) {
    this.#options = options;
  }

  async verify(token: string, audience: string): Promise<Claims> {
    if (!isCompact(token)) throw oidcInvalid("it is not a signed token");
    const payload = await this.#verified(token, audience);
    // A list of audiences would be good for others as well.
    if (payload.aud !== audience) throw oidcInvalid("its audience is not this broker and key");
    if (givesKeyTwice(claimsText(token))) throw oidcInvalid("it makes a claim twice");
    return parseClaims(payload);
  }

  async #verified(token: string, audience: string): Promise<JWTPayload> {
    const keys = await this.#current();
    try {
      return await this.#check(keys, token, audience);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw refusalOf(error);
      const newer = await this.#newerThan(keys);
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
    const age = this.#ageOfKeys();
    // Who has keys that hold does not wait for an answer that others wait for.
    if (age >= keysHoldForMs || (age > keysFreshForMs && this.#asking === null)) await this.#ask();
    if (this.#keys && this.#ageOfKeys() < keysHoldForMs) return this.#keys;
    throw unavailable();
  }

  /**
   * Keys that have come after these.
   *
   * @throws {Refusal} oidc_invalid; github_unavailable while the issuer can't say whose key it is
   */
  async #newerThan(keys: Keys): Promise<Keys> {
    await this.#ask();
    if (this.#keys !== null && this.#keys !== keys) return this.#keys;
    throw this.#failing ? unavailable() : unknownKey();
  }

  /** Asks for the keys, unless that was done a moment ago; those who ask at once share one call. */
  async #ask(): Promise<void> {
    const now = this.#options.steady();
    const pause = this.#ageOfKeys() < keysHoldForMs ? askAgainAfterMs : tryAgainAfterMs;
    if (this.#asking === null && now - this.#askedAt >= pause) {
      this.#askedAt = now;
      this.#asking = this.#replace().finally(() => {
        this.#asking = null;
      });
    }
    await this.#asking;
  }

  #ageOfKeys(): number {
    return this.#options.steady() - (this.#keys?.at ?? Number.NEGATIVE_INFINITY);
  }

  /** After a failure the keys that are there go on. */
  async #replace(): Promise<void> {
    const keys = await this.#fetch();
    this.#failing = keys === null;
    this.#keys = keys ?? this.#keys;
  }

  async #fetch(): Promise<Keys | null> {
    const { issuer, network, steady } = this.#options;
    const at = steady();
    try {
      const answer = await network.call({
        url: `${issuer}/.well-known/jwks`,
        maxBytes: 256 * 1024,
        timeoutMs: 5_000,
      });
      if (answer.status !== 200) return null;
      const set = createLocalJWKSet(JSON.parse(answer.body) as JSONWebKeySet);
      // An issuer without keys is one in trouble.
      return set.jwks().keys.length > 0 ? { set, at } : null;
    } catch (error) {
      const trouble = [NetworkError, SyntaxError, errors.JOSEError];
      if (trouble.some((kind) => error instanceof kind)) return null;
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

/** @param token is one that was verified */
function claimsText(token: string): string {
  return Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
}

function unavailable(): Refusal {
  return new Refusal("github_unavailable", {
    detail: "The keys of GitHub's OIDC issuer can't be had.",
    retryAfter: 5,
  });
}

function unknownKey(): Refusal {
  return oidcInvalid("its key is not one of the issuer's");
}

/** jose's errors name claims, never their values; even so, only fixed texts go on. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof errors.JWKSNoMatchingKey) return unknownKey();
  if (error instanceof errors.JWTExpired) return oidcInvalid("it has expired");
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "aud") return oidcInvalid("its audience is not this broker and key");
    if (error.claim === "iss") return oidcInvalid("its issuer is not this broker's GitHub");
    return oidcInvalid("its times or claims are not as they should be");
  }
  return oidcInvalid("its signature can't be verified");
}
