import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { expect, onTestFinished, test, vi } from "vitest";
import { readFromSecretsManager } from "../../src/server/secrets-manager.ts";
import { backends } from "./backends.ts";

test("Secrets Manager as moto has it gives the secret by its name and by its ARN", async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIABROKER0000000000");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "canaryOfTheBroker");
  // moto has all of AWS at one address.
  const moto = await backends.dynamodb?.();
  if (!moto) throw new Error("there is no moto");
  onTestFinished(() => moto.remove());
  await moto.start();
  const endpoint = moto.environment.AWS_ENDPOINT_URL_DYNAMODB ?? "";
  const client = new SecretsManagerClient({ region: "eu-west-3", endpoint });
  const SecretString = JSON.stringify({ ApiToken: "ghp_canary", UserSession: "canary" });
  const { ARN = "" } = await client.send(
    new CreateSecretCommand({ Name: "actions2aws", SecretString }),
  );
  for (const [id, region] of [
    ["actions2aws", "eu-west-3"],
    [ARN, "us-east-1"],
  ] as const) {
    const read = await readFromSecretsManager(id, {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
    });
    expect([read.ApiToken?.reveal(), read.UserSession?.reveal()]).toEqual(["ghp_canary", "canary"]);
  }
  const absent = readFromSecretsManager("other", { AWS_ENDPOINT_URL: endpoint });
  await expect(absent).rejects.toThrow(
    "the secret other can't be read (ResourceNotFoundException)",
  );
});
