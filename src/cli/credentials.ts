import { Secret } from "../core/secret.ts";
import { Failure, exitCodes } from "./failure.ts";

/** What AWS gives for a role, every field checked. */
export interface Credentials {
  readonly accessKeyId: Secret;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret;
  /** ISO 8601. */
  readonly expiration: string;
  readonly renewalToken: Secret | null;
}

/** AWS's own character sets, and no length that AWS would not give (C-01). */
const shapes = {
  AccessKeyId: /^[A-Z0-9]{16,128}$/,
  SecretAccessKey: /^[A-Za-z0-9/+=]{16,256}$/,
  SessionToken: /^[A-Za-z0-9/+=]{16,16384}$/,
  Expiration: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/,
  RenewalToken: /^[A-Za-z0-9_.~+/=-]{16,8192}$/,
};

/**
 * Whoever knows our public key can seal to it, so that the seal says nothing of the sender: all is
 * checked before any of it is printed, and one bad field spoils the whole (C-01, C-02).
 *
 * @param text the opened age file
 */
export function checkCredentials(text: string, now: number): Credentials {
  const credentials = parseCredentials(text);
  if (Date.parse(credentials.expiration) > now) return credentials;
  throw unfit("they have expired already; are the clocks right?");
}

/** The same for credentials that may have expired. */
export function parseCredentials(text: string): Credentials {
  const fields = parse(text);
  const take = (name: keyof typeof shapes): string => {
    const value = fields[name];
    if (typeof value !== "string" || !shapes[name].test(value))
      throw unfit(`${name} is not as AWS gives it`);
    return value;
  };
  const expiration = take("Expiration");
  if (Number.isNaN(Date.parse(expiration))) throw unfit("Expiration is not a date");
  return {
    accessKeyId: new Secret(take("AccessKeyId")),
    secretAccessKey: new Secret(take("SecretAccessKey")),
    sessionToken: new Secret(take("SessionToken")),
    expiration,
    renewalToken: fields.RenewalToken === undefined ? null : new Secret(take("RenewalToken")),
  };
}

/** What parseCredentials takes; not for a log. */
export function credentialsText(credentials: Credentials): string {
  return JSON.stringify({
    AccessKeyId: credentials.accessKeyId.reveal(),
    SecretAccessKey: credentials.secretAccessKey.reveal(),
    SessionToken: credentials.sessionToken.reveal(),
    Expiration: credentials.expiration,
    ...(credentials.renewalToken && { RenewalToken: credentials.renewalToken.reveal() }),
  });
}

/** An error of JSON.parse would quote the text. */
function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw unfit("not a JSON object");
}

function unfit(why: string): Failure {
  return new Failure(
    exitCodes.other,
    `the broker's credentials are not used: ${why}: tell whoever runs the broker; nothing was written`,
  );
}
