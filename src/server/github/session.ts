import { Refusal } from "../../core/errors.ts";
import type { Secret } from "../../core/secret.ts";
import { clock } from "../clock.ts";
import { type Answer, type Network, NetworkError } from "../network.ts";
import { pauseSeconds, rateLimited } from "./pause.ts";

/**
 * The broker's signed-in session at GitHub's web. The cookie is a whole login, so it goes to the
 * configured origin and nowhere else: addresses are built from parts, never taken from an answer,
 * and redirects are not followed (F-01, H-19).
 */
export class GitHubSession {
  readonly origin: URL;
  readonly #session: () => Secret;
  readonly #network: Network;
  /** Who goes on asking may lose the account; monotonic milliseconds (F-03). */
  #pausedUntil = 0;

  constructor(options: { webUrl: string; session: () => Secret; network: Network }) {
    this.origin = new URL(options.webUrl);
    this.#session = options.session;
    this.#network = options.network;
  }

  /**
   * @param path absolute, made of checked parts
   * @param tooLarge what it means that there is more than `maxBytes`
   * @returns any answer of GitHub's but a sign-in redirect
   * @throws {Refusal} github_session_expired, github_rate_limited, github_unavailable
   */
  async get(
    path: string,
    accept: string,
    maxBytes: number,
    tooLarge?: () => Refusal,
  ): Promise<Answer> {
    const url = new URL(path, this.origin);
    if (url.origin !== this.origin.origin || url.pathname + url.search !== path) {
      throw new Refusal("invalid_request", { note: "an address came out other than it was built" });
    }
    const left = this.#pausedUntil - clock.steady();
    if (left > 0) throw rateLimited(Math.ceil(left / 1000));
    const answer = await this.#call(url, accept, maxBytes, tooLarge);
    this.#assertNoPause(answer);
    if (isSignInRedirect(answer)) throw sessionExpired("GitHub redirects to its sign-in page");
    return answer;
  }

  #assertNoPause(answer: Answer): void {
    // Of a page only its status and headers count: its text can be anybody's.
    const seconds = pauseSeconds({ ...answer, body: "" }, Date.now());
    if (seconds === null) return;
    this.#pausedUntil = Math.max(this.#pausedUntil, clock.steady() + seconds * 1000);
    throw rateLimited(seconds);
  }

  async #call(
    url: URL,
    accept: string,
    maxBytes: number,
    tooLarge: (() => Refusal) | undefined,
  ): Promise<Answer> {
    const headers = {
      accept,
      cookie: `user_session=${this.#session().reveal()}`,
      "user-agent": "actions2aws",
      "x-requested-with": "XMLHttpRequest",
    };
    try {
      return await this.#network.call({ url: url.href, headers, maxBytes });
    } catch (error) {
      const kind = error instanceof NetworkError ? error.kind : "error";
      if (kind === "too_large" && tooLarge) throw tooLarge();
      throw new Refusal("github_unavailable", {
        detail: "GitHub's web pages can't be read.",
        retryAfter: 5,
        note: `GitHub web: ${kind}`,
      });
    }
  }
}

/** A redirect to /login; on single sign-on organisations to …/sso. Storage redirects are something else. */
function isSignInRedirect({ status, headers }: Answer): boolean {
  if (status < 300 || status >= 400) return false;
  return /\/(?:login|session|sso|sessions)(?:[/?#]|$)/.test(headers.location ?? "");
}

export function sessionExpired(note: string): Refusal {
  return new Refusal("github_session_expired", {
    detail: "The broker's sign-in at GitHub has ended: its operator has to renew it.",
    retryAfter: 30,
    note,
  });
}
