import { makeRenewalToken, type Renewal, renewalAfter } from "../core/renewal.ts";
import { seal } from "../core/seal.ts";
import type { Signer } from "../core/signer.ts";
import type { RoleCredentials } from "./aws.ts";
import { NativeRecipient } from "./native-recipient.ts";

/** What a job is answered: of the credentials it shows only when they end. */
export interface CredentialAnswer {
  /** An armored age file of {AccessKeyId, SecretAccessKey, SessionToken, Expiration, RenewalToken}. */
  credentials: string;
  expiration: string;
  grant: string;
  renewal_after: string;
  request_id: string;
}

/** @param by who signs the renewal token, and for which GitHub; `now` in milliseconds since 1970 */
export async function sealAnswer(
  credentials: RoleCredentials,
  renewal: Renewal,
  by: { signer: Signer; serverUrl: string; now: number },
  grant: string,
  requestId: string,
): Promise<CredentialAnswer> {
  const content = {
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey.reveal(),
    SessionToken: credentials.sessionToken.reveal(),
    Expiration: credentials.expiration,
    RenewalToken: makeRenewalToken(by.signer, by.serverUrl, renewal),
  };
  return {
    credentials: await seal(new NativeRecipient(renewal.publicKey), JSON.stringify(content)),
    expiration: credentials.expiration,
    grant,
    renewal_after: new Date(renewalAfter(by.now, Date.parse(credentials.expiration))).toISOString(),
    request_id: requestId,
  };
}
