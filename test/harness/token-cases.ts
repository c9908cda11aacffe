import type { Job } from "../world/index.ts";
import type { Bench } from "./bench.ts";
import { Client } from "./client.ts";
import { type Grant, grantLike, roleOf, wideLimits } from "./config.ts";
import type { HonestSession } from "./identity-verdict.ts";

export const publicUrl = "https://broker.example.com";
export const tokenSettings = { public_url: publicUrl, ...wideLimits };

const called = "acme/ci/.github/workflows/deploy.yml@refs/heads/main";

/** A grant that pins all that a token can tell. */
export const tokenGrant: Grant = grantLike("by-token", {
  proof: "oidc",
  step: undefined,
  job: undefined,
  event: ["push"],
  actor: ["octocat"],
  environment: ["production"],
  reusable_workflow: [called],
});
export const tokenRole = roleOf("by-token");

/** A run of its own whose job fits that grant. */
export async function tokenCase(
  { world, broker, repository, replies }: Bench,
  identity: string,
): Promise<{ job: Job; client: Client }> {
  const run = world.github.addRun(repository);
  const job = world.github.addJob(run, { environment: "production", jobWorkflowRef: called });
  return { job, client: await Client.of(world, broker.url, job, { identity, replies }) };
}

/** What AWS is asked for it when nothing is changed. */
export function honestByToken({ run, id }: Job): HonestSession {
  return {
    role: tokenRole,
    tags: {
      "github:jobId": id,
      "github:runId": run.id,
      "github:run": run.runNumber,
      "github:commit": run.headSha,
      "github:repo": "acme/app",
    },
  };
}
