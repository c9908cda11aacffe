import { createPrivateKey, type KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import { z } from "zod";
import { Refusal } from "../../core/errors.ts";
import { unusable } from "../../core/github-answers.ts";
import { foldAscii } from "../../core/pattern.ts";
import { Secret } from "../../core/secret.ts";
import { type Answer, type Network, NetworkError } from "../network.ts";

/** A GitHub App, as its settings page has it: the id (or client id) and a private key. */
export interface App {
  readonly id: string;
  readonly privateKey: KeyObject;
}

export interface AppTokensOptions {
  app: App;
  apiUrl: string;
  network: Network;
  clock: { wall: () => number; steady: () => number };
}

interface Held {
  readonly token: Secret;
  /** Monotonic milliseconds. */
  readonly renewAt: number;
  readonly endsAt: number;
}

const installations = z.array(
  z.object({
    id: z.int().positive(),
    account: z.object({ login: z.string() }).nullish(),
    suspended_at: z.string().nullish(),
  }),
);
const issued = z.object({ token: z.string().min(1), expires_at: z.iso.datetime({ offset: true }) });

const renewBeforeMs = 5 * 60_000;
const pageSize = 100;
const mostPages = 10;

/**
 * Tokens of a GitHub App: one for each owner that has installed it, made when it is first wanted and
 * again five minutes before it ends. Who asks at the same time shares one call.
 */
export class AppTokens {
  readonly #options: AppTokensOptions;
  /** Keyed by the owner, folded. Owners are those of grants alone, so there are few. */
  readonly #held = new Map<string, Held>();
  readonly #underway = new Map<string, Promise<Held>>();
  #installations: ReadonlyMap<string, number> = new Map();

  constructor(options: AppTokensOptions) {
    this.#options = options;
  }

  /**
   * @param refused a token of this owner's that GitHub no longer takes: revoked, or the App reinstalled
   * @throws {Refusal} github_unavailable
   */
  async token(owner: string, refused?: Secret): Promise<Secret> {
    const key = foldAscii(owner);
    const held = this.#held.get(key);
    if (held && held.token !== refused && this.#now() < held.renewAt) return held.token;
    if (held && held.token === refused) this.#held.delete(key);
    try {
      return (await this.#renew(key)).token;
    } catch (error) {
      const still = this.#held.get(key);
      // GitHub in trouble is no reason to lay down a token that is good for minutes yet.
      if (still && this.#now() < still.endsAt) return still.token;
      throw error;
    }
  }

  #renew(owner: string): Promise<Held> {
    const underway = this.#underway.get(owner);
    if (underway) return underway;
    const making = this.#make(owner).finally(() => this.#underway.delete(owner));
    this.#underway.set(owner, making);
    return making;
  }

  async #make(owner: string): Promise<Held> {
    const known = this.#installations.get(owner);
    const answer = await this.#issue(known ?? (await this.#installationOf(owner)));
    // The App was taken away and installed again: the installation has another id.
    const gone = answer.status === 404 && known !== undefined;
    const last = gone ? await this.#issue(await this.#installationOf(owner)) : answer;
    const { token, expires_at } = parse(issued, last, 201);
    // From here on by the clock that nobody sets (F-09).
    const endsAt = this.#now() + Date.parse(expires_at) - this.#options.clock.wall();
    const held = { token: new Secret(token), renewAt: endsAt - renewBeforeMs, endsAt };
    this.#held.set(owner, held);
    return held;
  }

  #issue(installation: number): Promise<Answer> {
    return this.#call("POST", `/app/installations/${installation}/access_tokens`);
  }

  async #installationOf(owner: string): Promise<number> {
    const installed = new Map<string, number>();
    const suspended = new Set<string>();
    for (let page = 1; page <= mostPages; page++) {
      const path = `/app/installations?per_page=${pageSize}&page=${page}`;
      const found = parse(installations, await this.#call("GET", path), 200);
      for (const { id, account, suspended_at } of found) {
        const login = foldAscii(account?.login ?? "");
        if (suspended_at) suspended.add(login);
        else installed.set(login, id);
      }
      if (found.length < pageSize) break;
    }
    this.#installations = installed;
    const id = installed.get(owner);
    if (id !== undefined) return id;
    throw new Refusal("github_unavailable", {
      detail: "The broker's GitHub App can't read this repository: its operator has to install it.",
      retryAfter: 60,
      note: suspended.has(owner)
        ? `${owner} has suspended the GitHub App`
        : `the GitHub App is not installed for ${owner}`,
    });
  }

  async #call(method: "GET" | "POST", path: string): Promise<Answer> {
    const { apiUrl, network } = this.#options;
    const headers = {
      accept: "application/vnd.github+json",
      authorization: `Bearer ${(await this.#jwt()).reveal()}`,
      "user-agent": "actions2aws",
      "x-github-api-version": "2022-11-28",
    };
    try {
      return await network.call({ url: apiUrl + path, method, headers, maxBytes: 2 ** 20 });
    } catch (error) {
      throw unusable(`GitHub App: ${error instanceof NetworkError ? error.kind : "error"}`);
    }
  }

  /** GitHub takes at most ten minutes; the minute before now allows for clocks that differ. */
  async #jwt(): Promise<Secret> {
    const { app, clock } = this.#options;
    const now = Math.floor(clock.wall() / 1_000);
    const jwt = await new SignJWT()
      .setProtectedHeader({ alg: "RS256" })
      .setIssuer(app.id)
      .setIssuedAt(now - 60)
      .setExpirationTime(now + 480)
      .sign(app.privateKey);
    return new Secret(jwt);
  }

  #now(): number {
    return this.#options.clock.steady();
  }
}

/** PEM, PKCS#1 or PKCS#8 → the key; null for anything else. Some put it on one line, with `\n` for its ends. */
export function parseAppKey(pem: Secret): KeyObject | null {
  try {
    const key = createPrivateKey(pem.reveal().replaceAll("\\n", "\n"));
    return key.asymmetricKeyType === "rsa" ? key : null;
  } catch {
    return null;
  }
}

function parse<T>(schema: z.ZodType<T>, { status, body }: Answer, expected: number): T {
  if (status !== expected) throw unusable(`GitHub answered ${status} to the GitHub App`);
  try {
    return schema.parse(JSON.parse(body));
  } catch {
    throw unusable("GitHub's answer to the GitHub App reads differently");
  }
}
