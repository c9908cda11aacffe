import { armor, Decrypter, generateIdentity, identityToRecipient } from "age-encryption";
import type { Job, World } from "../world/index.ts";
import { fullName } from "../world/github/model.ts";
import { ask, type Reply } from "../world/ask.ts";
import type { Claims } from "../world/issuer/claims.ts";
import type { JwtOverrides } from "../world/issuer/keys.ts";
import { role } from "./config.ts";

export interface Challenge {
  readonly challenge: string;
  /** Opened. */
  readonly ticket: string;
}

export interface Credentials {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly SessionToken: string;
  readonly Expiration: string;
  readonly RenewalToken: string;
}

/** What answers to a request hold, denied or not. */
export type Body = Partial<
  Record<
    | "code"
    | "request_id"
    | "detail"
    | "credentials"
    | "expiration"
    | "grant"
    | "renewal_after"
    | "challenge"
    | "ticket",
    string
  >
> & { readonly fields?: string[] };

export interface ClientOptions {
  /** `AGE-SECRET-KEY-1…`; a new one when left out. */
  readonly identity?: string;
  /** Where every answer is put down as well. */
  readonly replies?: Reply[];
}

/** A client of the HTTP interface that shares nothing with the program's own, and costs no process. */
export class Client {
  readonly publicKey: string;
  readonly #identity: string;
  readonly #world: World;
  readonly #url: string;
  readonly #job: Job;
  readonly #replies: Reply[];

  private constructor(
    world: World,
    url: string,
    job: Job,
    identity: string,
    publicKey: string,
    replies: Reply[],
  ) {
    this.#world = world;
    this.#url = url;
    this.#job = job;
    this.#identity = identity;
    this.publicKey = publicKey;
    this.#replies = replies;
  }

  static async of(
    world: World,
    url: string,
    job: Job,
    options: ClientOptions = {},
  ): Promise<Client> {
    const { identity = await generateIdentity(), replies = [] } = options;
    return new Client(world, url, job, identity, await identityToRecipient(identity), replies);
  }

  async challenge(changes: object = {}): Promise<Challenge> {
    const reply = await this.post("/v1/challenges", {
      ...this.#who(),
      ref: this.#job.run.ref,
      ...changes,
    });
    const { challenge, ticket } = reply.json as Body;
    if (reply.status !== 201 || challenge === undefined || ticket === undefined)
      throw new Error(`no challenge: ${reply.status} ${reply.text}`);
    return { challenge, ticket: await this.open(ticket) };
  }

  /** Prints the announcement into the job's pinned step, or another. */
  announce({ challenge }: Challenge, step = "assume role"): void {
    this.#world.github.say(this.#job, step, `ACTIONS2AWS PROOF: ${this.publicKey} ${challenge}`);
  }

  ask({ ticket }: Pick<Challenge, "ticket">, changes: object = {}): Promise<Reply> {
    return this.post("/v1/credentials", { ...this.#who(), role, ticket, ...changes });
  }

  /** Asks with a token of GitHub's, and no other proof unless the changes bring one. */
  askByToken(token: string, changes: object = {}): Promise<Reply> {
    return this.post("/v1/credentials", { ...this.#who(), role, oidc_token: token, ...changes });
  }

  /** The job's token for this key, with other claims or another make where a test wants it. */
  token(broker: string, claims: Claims = {}, overrides: JwtOverrides = {}): string {
    const { issuer } = this.#world;
    const all = { ...issuer.claims(this.#job, `${broker}#${this.publicKey}`), ...claims };
    return issuer.sign(all, overrides);
  }

  renew(token: string, more: object = {}): Promise<Reply> {
    return this.post("/v1/renewals", { renewal_token: token, ...more });
  }

  /** Challenge, announcement and request, once. */
  async attempt(changes: object = {}): Promise<Reply> {
    const challenge = await this.challenge();
    this.announce(challenge);
    return this.ask(challenge, changes);
  }

  /** @throws unless the credentials come, and open with this client's key */
  async obtain(changes: object = {}): Promise<Credentials> {
    const reply = await this.attempt(changes);
    return this.credentialsIn(reply);
  }

  async credentialsIn(reply: Reply): Promise<Credentials> {
    const { credentials } = reply.json as Body;
    if (reply.status !== 200 || credentials === undefined)
      throw new Error(`no credentials: ${reply.status} ${reply.text}`);
    return JSON.parse(await this.open(credentials)) as Credentials;
  }

  async post(path: string, body: object): Promise<Reply> {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", body: JSON.stringify(body) };
    const reply = await ask(this.#url + path, headers, init);
    this.#replies.push(reply);
    return reply;
  }

  open(armored: string): Promise<string> {
    return this.openBinary(armor.decode(armored));
  }

  async openBinary(sealed: Uint8Array): Promise<string> {
    const decrypter = new Decrypter();
    decrypter.addIdentity(this.#identity);
    return decrypter.decrypt(sealed, "text");
  }

  /** What every request says of job and key, for tests that send it in their own way. */
  get who(): object {
    return this.#who();
  }

  #who(): object {
    const { run, attempt, id } = this.#job;
    return {
      repository: fullName(run.repository),
      run_id: run.id,
      run_attempt: attempt.number,
      public_key: this.publicKey,
      job: { id },
    };
  }
}
