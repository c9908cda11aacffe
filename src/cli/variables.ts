import type { Credentials } from "./credentials.ts";

/** Names and values, in the order in which they are shown. */
export type Variables = readonly (readonly [name: string, value: string])[];

export function variablesOf(credentials: Credentials, region: string | undefined): Variables {
  return [
    ["AWS_ACCESS_KEY_ID", credentials.accessKeyId.reveal()],
    ["AWS_SECRET_ACCESS_KEY", credentials.secretAccessKey.reveal()],
    ["AWS_SESSION_TOKEN", credentials.sessionToken.reveal()],
    ["AWS_CREDENTIAL_EXPIRATION", credentials.expiration],
    ...regionVariables(region),
  ];
}

export function profileVariables(name: string, region: string | undefined): Variables {
  return [["AWS_PROFILE", name], ...regionVariables(region)];
}

export function regionVariables(region: string | undefined): Variables {
  if (region === undefined) return [];
  return [
    ["AWS_REGION", region],
    ["AWS_DEFAULT_REGION", region],
  ];
}
