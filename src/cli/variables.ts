import type { Credentials } from "./credentials.ts";

/** Names and values, in the order in which they are shown. */
export type Variables = readonly (readonly [name: string, value: string])[];

export function variablesOf(credentials: Credentials, region: string | undefined): Variables {
  return [
    ["AWS_ACCESS_KEY_ID", credentials.accessKeyId.reveal()],
    ["AWS_SECRET_ACCESS_KEY", credentials.secretAccessKey.reveal()],
    ["AWS_SESSION_TOKEN", credentials.sessionToken.reveal()],
    ["AWS_CREDENTIAL_EXPIRATION", credentials.expiration],
    ...(region === undefined
      ? []
      : ([
          ["AWS_REGION", region],
          ["AWS_DEFAULT_REGION", region],
        ] as const)),
  ];
}
