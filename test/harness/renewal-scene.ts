import { afterEach } from "vitest";
import { makeRenewalToken, type Renewal } from "../../src/core/renewal.ts";
import type { PublicKey } from "../../src/core/recipient.ts";
import { Secret } from "../../src/core/secret.ts";
import { SigningKey } from "../../src/server/signing-key.ts";
import { type Bench, type BenchOptions, useBench } from "./bench.ts";
import { signingKey } from "./broker.ts";
import type { Client, Credentials } from "./client.ts";
import { grantLike, roleOf } from "./config.ts";
import type { Job } from "./job.ts";
import { publicUrl } from "./token-scene.ts";

/** A job that has its first credentials. */
export interface Given {
  readonly job: Job;
  readonly client: Client;
  readonly first: Credentials;
}

export interface RenewalScene {
  readonly bench: () => Bench;
  /** A job with the role of the grant `long`, or another, by the log. */
  readonly obtained: (changes?: object, job?: Job) => Promise<Given>;
  /** The same; what the test then sees are renewals alone. */
  readonly given: (changes?: object, job?: Job) => Promise<Given>;
  /** A token such as the broker makes, of a job that was given a role: signed with a key that the test knows. */
  readonly tokenFor: (of: Given, change?: Partial<Renewal>, key?: string) => string;
}

/** Attacks on renewals. After each of them another job's credentials are renewed. */
export function useRenewals(options: BenchOptions = {}): RenewalScene {
  const { grants = [], settings } = options;
  const bench = useBench({
    ...options,
    grants: [grantLike("long", {}), ...grants],
    settings: { public_url: publicUrl, ...settings },
    tokens: true,
    attacks: true,
  });

  async function obtained(changes: object = {}, job = bench().newJob()): Promise<Given> {
    const client = await bench().client(job.job);
    const first = await client.obtain({ role: roleOf("long"), ...changes });
    return { job, client, first };
  }

  async function given(changes?: object, job?: Job): Promise<Given> {
    const made = await obtained(changes, job);
    await bench().check();
    bench().begin();
    return made;
  }

  function tokenFor(
    { job, client }: Given,
    change: Partial<Renewal> = {},
    key = signingKey,
  ): string {
    const renewal: Renewal = {
      repository: "acme/app",
      runId: job.job.run.id,
      runAttempt: 1,
      jobId: job.job.id,
      role: roleOf("long"),
      step: "assume role",
      durationSeconds: undefined,
      proofs: { log: true, oidc: false },
      environment: null,
      publicKey: client.publicKey as PublicKey,
      since: Date.now(),
      given: Date.now(),
      ...change,
    };
    const signer = new SigningKey(new Secret(key));
    return makeRenewalToken(signer, bench().world.github.webUrl, renewal);
  }

  afterEach(async () => {
    const { client, first } = await given();
    await client.credentialsIn(await client.renew(first.RenewalToken));
  });

  return { bench, obtained, given, tokenFor };
}
