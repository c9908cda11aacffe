import { expect } from "vitest";
import { type Body, Client } from "../../harness/client.ts";
import { role, roleOf } from "../../harness/config.ts";
import type { Golden, World } from "../../world/index.ts";

/** In a job of its own, whose pinned step is in progress. */
export function newClient(world: World, { repository }: Golden, url: string): Promise<Client> {
  const { github } = world;
  const job = github.addJob(github.addRun(repository));
  github.addStep(job);
  return Client.of(world, url, job);
}

/** Who may have the role gets it; for another one AWS is not asked; and both are on record. */
export async function expectServes(
  world: World,
  job: Client,
  records: () => Promise<readonly object[]>,
): Promise<void> {
  const { AccessKeyId } = await job.obtain();
  expect(AccessKeyId).toBe(world.sts.issued.at(-1)?.accessKeyId);
  await expectNotGranted(world, job, "other");
  expect((await records()).slice(-2)).toMatchObject([
    { decision: "allowed", role },
    { decision: "denied", code: "role_not_granted" },
  ]);
}

export async function expectNotGranted(world: World, job: Client, grant: string): Promise<void> {
  world.sts.clearJournal();
  const refused = await job.attempt({ role: roleOf(grant) });
  expect(refused.json as Body).toMatchObject({ code: "role_not_granted" });
  expect(world.sts.journal).toEqual([]);
}
