import { randomBytes } from "node:crypto";
import type { AssumeRolePlan } from "../core/issue.ts";
import { Secret } from "../core/secret.ts";
import type { RoleCredentials, RoleIssuer } from "./aws.ts";

/** Made-up credentials of the right form, for trying the broker out without an AWS account. */
export class SimulatedIssuer implements RoleIssuer {
  assumeRole({ durationSeconds }: AssumeRolePlan): Promise<RoleCredentials> {
    return Promise.resolve({
      accessKeyId: `ASIASIMULATED${letters(7)}`,
      secretAccessKey: new Secret(`simulated/${letters(30)}`),
      sessionToken: new Secret(`simulated/${randomBytes(96).toString("base64")}`),
      expiration: `${new Date(Date.now() + durationSeconds * 1000).toISOString().slice(0, 19)}Z`,
    });
  }
}

function letters(count: number): string {
  return Array.from(
    randomBytes(count),
    (byte) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[byte % 32],
  ).join("");
}
