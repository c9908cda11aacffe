import { AssumeRoleCommand, type AssumeRoleCommandOutput, STSClient } from "@aws-sdk/client-sts";
import { Refusal } from "../core/errors.ts";
import type { AssumeRolePlan } from "../core/issue.ts";
import { Secret } from "../core/secret.ts";

/** What AWS gives. The expiration is ISO 8601. */
export interface RoleCredentials {
  accessKeyId: string;
  secretAccessKey: Secret;
  sessionToken: Secret;
  expiration: string;
}

export interface RoleIssuer {
  /** @throws {Refusal} aws_denied, aws_unavailable */
  assumeRole(plan: AssumeRolePlan): Promise<RoleCredentials>;
  /** Lets go of connections that were kept. */
  renewConnections?(): void;
}

const withinMs = 12_000;

/** STS by the SDK's usual chain of credentials and its regional endpoints. */
export class StsIssuer implements RoleIssuer {
  readonly #client: STSClient;
  readonly #withinMs: number;

  /** @param options `withinMs` for the SDK's three attempts together */
  constructor(options: { region: string; withinMs?: number }) {
    this.#client = new STSClient({ region: options.region, maxAttempts: 3 });
    this.#withinMs = options.withinMs ?? withinMs;
  }

  renewConnections(): void {
    // What the SDK calls so ends the sockets; the client opens new ones.
    this.#client.destroy();
  }

  async assumeRole(plan: AssumeRolePlan): Promise<RoleCredentials> {
    return checked(await this.#send(plan), plan);
  }

  async #send(plan: AssumeRolePlan): Promise<AssumeRoleCommandOutput> {
    const command = new AssumeRoleCommand({
      RoleArn: plan.roleArn,
      RoleSessionName: plan.sessionName,
      ExternalId: plan.externalId,
      DurationSeconds: plan.durationSeconds,
      Tags: plan.tags.map(({ key, value }) => ({ Key: key, Value: value })),
      TransitiveTagKeys: [...plan.transitiveTagKeys],
      Policy: plan.policy,
    });
    try {
      return await this.#client.send(command, { abortSignal: AbortSignal.timeout(this.#withinMs) });
    } catch (error) {
      throw refusalOf(error);
    }
  }
}

/**
 * Errors that say no for good. Everything else may pass: throttling, STS in trouble, and the broker's
 * own credentials having expired. AWS's text names roles and accounts, so none of it goes on.
 */
const finalErrors = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "ValidationError",
  "PackedPolicyTooLarge",
  "PackedPolicyTooLargeException",
  "MalformedPolicyDocument",
  "MalformedPolicyDocumentException",
  "RegionDisabledException",
  "InvalidParameterValue",
]);

function refusalOf(error: unknown): Refusal {
  const name = codeOf(error);
  if (finalErrors.has(name)) {
    return new Refusal("aws_denied", {
      detail:
        "AWS refused the role: look at its trust policy, at sts:TagSession, and at its longest session.",
      note: `STS: ${name}`,
    });
  }
  return unusable(`STS: ${name}`);
}

/** AWS's code for it; what stands in a code's place can be any text, so that only its form goes on. */
function codeOf(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  return /^[A-Za-z][A-Za-z0-9.]{0,63}$/.test(name) ? name : "an error that is none of AWS's";
}

function unusable(note: string): Refusal {
  return new Refusal("aws_unavailable", {
    detail: "AWS STS gave no usable answer.",
    retryAfter: 5,
    note,
  });
}

/** AWS's own character sets, and lengths that it gives: the client holds them to the same. */
const shapes = {
  AccessKeyId: /^[A-Z0-9]{16,128}$/,
  SecretAccessKey: /^[A-Za-z0-9/+=]{16,256}$/,
  SessionToken: /^[A-Za-z0-9/+=]{16,16384}$/,
};

/** How far AWS's clock may be ahead of ours. */
const skewMs = 5 * 60_000;

/** An answer that is not whole, of another role, already over or too long is not passed on. */
function checked(answer: AssumeRoleCommandOutput, plan: AssumeRolePlan): RoleCredentials {
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials ?? {};
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration)
    throw unusable("STS gave no whole credentials");
  for (const [name, value] of Object.entries({ AccessKeyId, SecretAccessKey, SessionToken }))
    if (!shapes[name as keyof typeof shapes].test(value)) throw unusable(`STS gave an odd ${name}`);
  const lifeMs = Expiration.getTime() - Date.now();
  if (!(lifeMs > 0)) throw unusable("STS gave credentials that have expired");
  if (lifeMs > plan.durationSeconds * 1_000 + skewMs)
    throw unusable("STS gave credentials that last longer than was asked for");
  if (answer.AssumedRoleUser?.Arn !== assumedRoleArn(plan))
    throw unusable("STS answered for another role");
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: new Secret(SecretAccessKey),
    sessionToken: new Secret(SessionToken),
    expiration: Expiration.toISOString().replace(/\.000Z$/, "Z"),
  };
}

/** `arn:aws:iam::1:role/path/name` → `arn:aws:sts::1:assumed-role/name/session`. */
function assumedRoleArn({ roleArn, sessionName }: AssumeRolePlan): string {
  const [arn, partition, , , account] = roleArn.split(":");
  const name = roleArn.slice(roleArn.lastIndexOf("/") + 1);
  return `${arn}:${partition}:sts::${account}:assumed-role/${name}/${sessionName}`;
}
