import { makeChallenge } from "../../src/core/challenge.ts";
import { Secret } from "../../src/core/secret.ts";
import { SigningKey } from "../../src/server/signing-key.ts";
import type { Job, World } from "../world/index.ts";
import type { Challenge } from "./client.ts";

/** A challenge and its ticket as a broker with this signing key makes them at that time. */
export function madeBy(
  signingKey: string,
  { github }: World,
  { run, attempt }: Job,
  publicKey: string,
  now: number,
): Challenge {
  const binding = {
    serverUrl: github.webUrl,
    repository: "acme/app",
    runId: run.id,
    runAttempt: attempt.number,
    publicKey,
  };
  return makeChallenge(new SigningKey(new Secret(signingKey)), binding, now, "AAAAAAAAAAAAAAAA");
}
