import { STSClient } from "@aws-sdk/client-sts";
import type { Logger } from "pino";

/** What of AWS the broker asks, by the names that the SDK has for it. */
export type AwsService = "STS" | "DynamoDB" | "Secrets Manager";

/** Variables that lead the SDK elsewhere than to the role of the machine or container. */
const steering = {
  AWS_PROFILE: "AWS credentials come by this profile",
  AWS_CONFIG_FILE: "the AWS SDK's configuration is this file",
  AWS_SHARED_CREDENTIALS_FILE: "AWS credentials come out of this file",
  AWS_EC2_METADATA_SERVICE_ENDPOINT:
    "AWS credentials come from this address, not from the machine's",
  AWS_CONTAINER_CREDENTIALS_FULL_URI:
    "AWS credentials come from this address, not from the container's",
  AWS_CA_BUNDLE: "the AWS SDK does not read AWS_CA_BUNDLE: NODE_EXTRA_CA_CERTS is for that",
} as const;

/** Where ECS and EKS themselves have their containers ask. */
const containerAddress = /^http:\/\/(?:169\.254\.170\.(?:2|23)|\[fd00:ec2::23\])(?::80)?\//;

/** Another AWS, or credentials that nobody expects, must not go unseen. */
export async function warnOfAws(
  services: readonly AwsService[],
  environment: NodeJS.ProcessEnv,
  logger: Logger,
): Promise<void> {
  for (const service of services) {
    const endpoint = await configuredEndpoint(service);
    if (endpoint !== undefined)
      logger.warn({ endpoint }, `AWS ${service} is not AWS's own: AWS_ENDPOINT_URL or a profile`);
  }
  if (services.length === 0) return;
  for (const [name, message] of Object.entries(steering)) {
    const value = environment[name];
    if (!value || containerAddress.test(value)) continue;
    logger.warn({ variable: name, value: shown(value) }, message);
  }
}

/** The SDK's own word, by its variables and files; undefined for AWS's own address. */
async function configuredEndpoint(service: AwsService): Promise<string | undefined> {
  const { config } = new STSClient({ serviceId: service });
  // A profile that names a section which is not there: each call will tell.
  const endpoint = await config.serviceConfiguredEndpoint?.().catch(() => undefined);
  return endpoint && shown(endpoint);
}

/** An address without its path, query and what may stand before the host: they may hold secrets. */
function shown(text: string): string {
  return /^https?:/.test(text) && URL.canParse(text) ? new URL(text).origin : text;
}
