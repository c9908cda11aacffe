import { Octokit } from "@octokit/rest";
import { LRUCache } from "lru-cache";
import { Refusal } from "../../core/errors.ts";
import { unusable } from "../../core/github-answers.ts";
import type { Secret } from "../../core/secret.ts";
import { type Answer, type Network, NetworkError } from "../network.ts";
import { pauseSeconds, rateLimited } from "./pause.ts";
import type { Seen } from "./ports.ts";

/** An answer of the REST API: null stands for 404. */
export type RestAnswer = { json: unknown } | null;

interface Stored extends Seen<RestAnswer> {
  etag: string | undefined;
  /** Characters of the text it came as. */
  size: number;
}

export interface RestOptions {
  apiUrl: string;
  /**
   * The token for an owner's repositories, asked for at each call, since those of an App change.
   * `refused` is one that GitHub has just refused; where there is no other, the same comes again.
   */
  token: (owner: string, refused?: Secret) => Promise<Secret>;
  /** Owners whose calls count against one rate limit have the same; by default all do. */
  budgetOf?: (owner: string) => string;
  network: Network;
  /** Monotonic milliseconds. */
  now: () => number;
  onBudget?: (budget: string, remaining: number, limit: number) => void;
}

const maxAnswerBytes = 16 * 2 ** 20;

/**
 * GitHub's REST API: what was answered is kept with its ETag, asking again is conditional (a 304 costs
 * no budget), and those who ask the same at the same time share one call.
 */
export class GitHubRest {
  readonly #octokit: Octokit;
  readonly #options: RestOptions;
  readonly #stored: LRUCache<string, Stored>;
  readonly #underway = new Map<string, { at: number; answer: Promise<Stored> }>();
  /** Until when nobody calls, for each budget. Owners are those of grants alone, so there are few. */
  readonly #pausedUntil = new Map<string, number>();

  constructor(options: RestOptions) {
    this.#options = options;
    this.#stored = new LRUCache({
      max: 1_000,
      maxSize: 4 * 2 ** 20,
      sizeCalculation: ({ size }) => size,
    });
    this.#octokit = new Octokit({
      baseUrl: options.apiUrl,
      userAgent: "actions2aws",
      request: {
        parseSuccessResponseBody: false,
        redirect: "manual",
        fetch: (url: string, init: { headers: Record<string, string> }) =>
          this.#fetch(url, init.headers),
      },
      log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    });
  }

  /**
   * @param route an Octokit route such as `GET /repos/{owner}/{repo}`; its parameters are encoded by Octokit
   * @param notBefore an answer asked for earlier than this does not count
   * @throws {Refusal} github_unavailable, github_rate_limited, no_grant (the repository has moved)
   */
  get(
    route: string,
    parameters: Record<string, string | number>,
    notBefore: number,
  ): Promise<Seen<RestAnswer>> {
    const key = JSON.stringify([route, parameters]);
    const stored = this.#stored.get(key);
    if (stored && stored.at >= notBefore) return Promise.resolve(stored);
    const underway = this.#underway.get(key);
    if (underway && underway.at >= notBefore) return underway.answer;
    return this.#share(key, this.#ask(route, parameters, stored));
  }

  #share(key: string, asking: Promise<Stored>): Promise<Stored> {
    const entry = { at: this.#options.now(), answer: asking };
    this.#underway.set(key, entry);
    const answer = this.#keep(key, entry);
    entry.answer = answer;
    return answer;
  }

  async #keep(key: string, entry: { answer: Promise<Stored> }): Promise<Stored> {
    try {
      const answer = await entry.answer;
      // Answers may overtake each other: the one asked for last is the one to keep.
      if ((this.#stored.peek(key)?.at ?? 0) <= answer.at) this.#stored.set(key, answer);
      return answer;
    } finally {
      if (this.#underway.get(key) === entry) this.#underway.delete(key);
    }
  }

  async #ask(
    route: string,
    parameters: Record<string, string | number>,
    stored?: Stored,
  ): Promise<Stored> {
    const at = this.#options.now();
    const owner = String(parameters.owner);
    this.#assertNotPaused(owner, at);
    const answer = await this.#authorized(owner, (token) =>
      this.#send(route, parameters, token, stored?.etag),
    );
    if (answer.status === 304 && stored) return { ...stored, at };
    if (answer.status === 200) {
      return {
        value: { json: parseJson(answer.body) },
        at,
        etag: answer.headers.etag,
        size: answer.body.length + 1,
      };
    }
    if (answer.status === 404) return { value: null, at, etag: undefined, size: 1 };
    throw this.#refusal(owner, answer);
  }

  /** A token that was revoked before its time is put by, and another tried, once. */
  async #authorized(owner: string, send: (token: Secret) => Promise<Answer>): Promise<Answer> {
    const token = await this.#options.token(owner);
    const answer = await send(token);
    this.#noteBudget(owner, answer);
    if (answer.status !== 401) return answer;
    const other = await this.#options.token(owner, token);
    return other.reveal() === token.reveal() ? answer : send(other);
  }

  async #send(
    route: string,
    parameters: Record<string, string | number>,
    token: Secret,
    etag?: string,
  ): Promise<Answer> {
    try {
      const answer = await this.#octokit.request(route, {
        ...parameters,
        headers: {
          authorization: `Bearer ${token.reveal()}`,
          "x-github-api-version": "2022-11-28",
          ...(etag !== undefined && { "if-none-match": etag }),
        },
      });
      return {
        status: answer.status,
        headers: answer.headers as Answer["headers"],
        body: answer.data as string,
      };
    } catch (error) {
      const { response } = error as {
        response?: { status: number; headers: Answer["headers"]; data: unknown };
      };
      if (!response) throw unavailable(error);
      return {
        status: response.status,
        headers: response.headers,
        body: JSON.stringify(response.data ?? ""),
      };
    }
  }

  /** Octokit wants fetch's shape; what it gets is our own network, with its caps and no redirects. */
  async #fetch(url: string, headers: Record<string, string>): Promise<object> {
    const answer = await this.#options.network.call({ url, headers, maxBytes: maxAnswerBytes });
    const text = (): Promise<string> => Promise.resolve(answer.body);
    const entries = Object.entries(answer.headers);
    return {
      status: answer.status,
      url,
      headers: {
        get: (name: string) => answer.headers[name],
        [Symbol.iterator]: () => entries.values(),
      },
      body: answer.body,
      text,
    };
  }

  #noteBudget(owner: string, { headers }: Answer): void {
    const remaining = Number(headers["x-ratelimit-remaining"] ?? Number.NaN);
    const limit = Number(headers["x-ratelimit-limit"] ?? Number.NaN);
    if (Number.isFinite(remaining) && Number.isFinite(limit))
      this.#options.onBudget?.(this.#budgetOf(owner), remaining, limit);
  }

  #assertNotPaused(owner: string, at: number): void {
    const until = this.#pausedUntil.get(this.#budgetOf(owner)) ?? 0;
    if (at < until) throw rateLimited(Math.ceil((until - at) / 1000));
  }

  #budgetOf(owner: string): string {
    return this.#options.budgetOf?.(owner) ?? "";
  }

  #refusal(owner: string, answer: Answer): Refusal {
    const seconds = pauseSeconds(answer, Date.now());
    if (seconds !== null) {
      const budget = this.#budgetOf(owner);
      const until = this.#options.now() + seconds * 1000;
      this.#pausedUntil.set(budget, Math.max(this.#pausedUntil.get(budget) ?? 0, until));
      return rateLimited(seconds);
    }
    if (answer.status >= 300 && answer.status < 400) {
      // A renamed or transferred repository; who has the name next must not inherit (G-14).
      return new Refusal("no_grant", {
        fields: ["repository"],
        note: `GitHub redirects with ${answer.status}`,
      });
    }
    return new Refusal("github_unavailable", {
      detail: "GitHub did not answer as it should.",
      retryAfter: 5,
      note: `GitHub's REST API answered ${answer.status}`,
    });
  }
}

function unavailable(error: unknown): Refusal {
  const kind = networkErrorIn(error)?.kind ?? "error";
  return new Refusal("github_unavailable", {
    detail: "GitHub can't be reached.",
    retryAfter: 5,
    note: `GitHub's REST API: ${kind}`,
  });
}

function networkErrorIn(error: unknown): NetworkError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof NetworkError) return cause;
  }
  return undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unusable("GitHub's REST API sent what is not JSON");
  }
}

function ignore(): void {
  // What Octokit has to say goes into our own errors.
}
