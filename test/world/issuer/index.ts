import { randomUUID } from "node:crypto";

import { json, type Answer, type Request } from "../answer.ts";
import type { Job } from "../github/model.ts";
import { Service } from "../service.ts";
import { claimsOf, type Claims } from "./claims.ts";
import { publicJwk, signingKey, signJwt, type JwtOverrides, type SigningKey } from "./keys.ts";

/** GitHub's OIDC issuer, with the token endpoint that the runner offers to a job. */
export class SimulatedIssuer extends Service {
  /** What the JWKS shows; `sign` uses the last one. */
  readonly keys: SigningKey[] = [];
  readonly #now: () => number;
  /** Request token → its job. */
  readonly #jobs = new Map<string, Job>();
  #generation = 0;

  constructor(now: () => number, latency = 0) {
    super({
      name: "oidc",
      now,
      latency,
      handle: (request) => this.#handle(request),
      errorAnswer: (status) => json({ message: "refused on demand" }, status),
    });
    this.#now = now;
  }

  /** Signs from now on with another key; the old one leaves the JWKS unless it is kept. */
  rotate(options: { keepOld?: boolean } = {}): SigningKey {
    if (options.keepOld !== true) this.keys.length = 0;
    const key = signingKey(this.#generation++);
    this.keys.push(key);
    return key;
  }

  /** The claims of a job's token as the model has them now. */
  claims(job: Job, audience = "https://broker.example.com"): Claims {
    const now = Math.floor(this.#now() / 1_000);
    return {
      jti: randomUUID(),
      aud: audience,
      iss: this.url,
      ...claimsOf(job),
      iat: now,
      nbf: now - 300,
      exp: now + 300,
    };
  }

  /** A JWT of these claims, right in all that the overrides leave alone. */
  sign(claims: Claims, overrides: JwtOverrides = {}): string {
    return signJwt(claims, this.#key(), overrides);
  }

  /** The two variables that a job with `permissions: id-token: write` finds in its environment. */
  environment(job: Job): {
    ACTIONS_ID_TOKEN_REQUEST_URL: string;
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: string;
  } {
    const token = `canaryRequestToken${randomUUID()}`;
    this.#jobs.set(token, job);
    const url = `${this.url}/idtoken/${job.run.id}/${job.internalId}?api-version=2.0`;
    return { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token };
  }

  #handle(request: Request): Answer {
    if (request.method !== "GET") return json({ message: "Method Not Allowed" }, 405);
    if (request.pathname === "/.well-known/openid-configuration") return json(this.#discovery());
    if (request.pathname === "/.well-known/jwks") {
      this.#key();
      return json({ keys: this.keys.map(publicJwk) });
    }
    return request.pathname.startsWith("/idtoken/")
      ? this.#token(request)
      : json({ message: "Not Found" }, 404);
  }

  #token(request: Request): Answer {
    const [, token = ""] = /^bearer (.+)$/i.exec(request.headers.authorization ?? "") ?? [];
    const job = this.#jobs.get(token);
    if (job === undefined || job.status === "completed")
      return json({ message: "Unauthorized" }, 401);
    const audience =
      request.query.get("audience") ?? `https://github.com/${job.run.repository.owner.login}`;
    const value = this.sign(this.claims(job, audience));
    return json({ count: value.length, value });
  }

  #discovery(): Record<string, unknown> {
    return {
      issuer: this.url,
      jwks_uri: `${this.url}/.well-known/jwks`,
      subject_types_supported: ["public", "pairwise"],
      response_types_supported: ["id_token"],
      claims_supported: [
        "sub",
        "aud",
        "exp",
        "iat",
        "iss",
        "jti",
        "nbf",
        "ref",
        "sha",
        "repository",
        "repository_id",
        "run_id",
        "run_attempt",
        "check_run_id",
      ],
      id_token_signing_alg_values_supported: ["RS256"],
      scopes_supported: ["openid"],
    };
  }

  #key(): SigningKey {
    return this.keys.at(-1) ?? this.rotate();
  }
}
