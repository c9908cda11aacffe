import type { Credentials } from "../credentials.ts";
import type { Variables } from "../variables.ts";

export function json(variables: Variables): string {
  return `${JSON.stringify(Object.fromEntries(variables))}\n`;
}

/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html */
export function credentialProcess(credentials: Credentials): string {
  const document = {
    Version: 1,
    AccessKeyId: credentials.accessKeyId.reveal(),
    SecretAccessKey: credentials.secretAccessKey.reveal(),
    SessionToken: credentials.sessionToken.reveal(),
    Expiration: credentials.expiration,
  };
  return `${JSON.stringify(document)}\n`;
}
