import { z } from "zod";
import { Secret } from "../core/secret.ts";
import { EnvironmentError } from "./environment-error.ts";

/** The first two are the original's names. */
const names = [
  "ApiToken",
  "UserSession",
  "AppId",
  "AppPrivateKey",
  "SigningKey",
  "SigningKeyPrevious",
] as const;
export type StoredName = (typeof names)[number];

/** What of the broker's secrets is in AWS Secrets Manager. */
export type StoredSecrets = Readonly<Partial<Record<StoredName, Secret>>>;

/** Other keys may be there: the secret may serve others as well. An empty text keeps a place, and is none. */
const shape = z
  .object(Object.fromEntries(names.map((name) => [name, z.string().trim().optional()])))
  .transform((given) => Object.entries(given).filter(([, value]) => value))
  .refine((filled) => filled.length > 0);

/**
 * Reads the secret; the SDK is loaded only here, since most brokers do without.
 *
 * @throws {EnvironmentError} that names the secret, and nothing of what is in it
 */
export async function readFromSecretsManager(
  id: string,
  environment: NodeJS.ProcessEnv,
): Promise<StoredSecrets> {
  const content = await fetchContent(id, environment);
  const result = shape.safeParse(parseJson(content));
  if (result.success) {
    return Object.fromEntries(result.data.map(([name, value]) => [name, new Secret(value ?? "")]));
  }
  throw new EnvironmentError(
    `GITHUB_SECRET_ID: the secret ${id} must be JSON with ApiToken or UserSession, or others of the broker's secrets, as text`,
  );
}

async function fetchContent(id: string, environment: NodeJS.ProcessEnv): Promise<string> {
  const { GetSecretValueCommand, SecretsManagerClient } =
    await import("@aws-sdk/client-secrets-manager");
  const endpoint = environment.AWS_ENDPOINT_URL_SECRETS_MANAGER ?? environment.AWS_ENDPOINT_URL;
  const client = new SecretsManagerClient({
    region: regionOf(id) ?? environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? "us-east-1",
    maxAttempts: 3,
    ...(endpoint && { endpoint }),
  });
  try {
    const abortSignal = AbortSignal.timeout(12_000);
    const answer = await client.send(new GetSecretValueCommand({ SecretId: id }), { abortSignal });
    return answer.SecretString ?? "";
  } catch (error) {
    // AWS's own text may name accounts and policies: its code is enough.
    const code = error instanceof Error ? error.name : "error";
    throw new EnvironmentError(`GITHUB_SECRET_ID: the secret ${id} can't be read (${code})`);
  } finally {
    client.destroy();
  }
}

/** An ARN says where its secret is. */
function regionOf(id: string): string | undefined {
  return /^arn:[a-z-]+:secretsmanager:([a-z0-9-]+):/.exec(id)?.[1];
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}
