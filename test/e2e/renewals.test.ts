import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import type { Body, Client, Credentials } from "../harness/client.ts";
import { grantLike, roleOf } from "../harness/config.ts";
import type { Job } from "../harness/job.ts";
import { byToken, outcomeOf, publicUrl, served } from "../harness/token-scene.ts";

const long = grantLike("long", { max_duration: "1h" });
const production = byToken("production", { environment: ["production"] });
const settings = { public_url: publicUrl };
const bench = useBench({ grants: [long, production], settings, tokens: true });

const sts = () => bench().world.sts;

/** A job that has its first credentials, by the log. */
async function given(
  changes: object = {},
): Promise<{ job: Job; client: Client; first: Credentials }> {
  const job = bench().newJob();
  const client = await bench().client(job.job);
  const first = await client.obtain({ role: roleOf("long"), ...changes });
  return { job, client, first };
}

describe("a renewal", () => {
  test("gives the same role to the same key once more, and the record says that it was one", async () => {
    const { job, client, first } = await given({ duration_seconds: 1_800 });
    const reply = await client.renew(first.RenewalToken);
    const second = await client.credentialsIn(reply);
    const [, issued] = sts().issued;
    expect(second).toEqual({
      AccessKeyId: issued?.accessKeyId,
      SecretAccessKey: issued?.secretAccessKey,
      SessionToken: issued?.sessionToken,
      Expiration: issued?.expiration,
      RenewalToken: expect.stringMatching(/^r1\./),
    });
    const [one, other] = sts().assumed;
    expect(other).toEqual(one);
    expect(bench().records).toMatchObject([
      { decision: "allowed", proof: "log" },
      {
        decision: "allowed",
        proof: "renewal",
        grant: "long",
        role: roleOf("long"),
        duration_seconds: 1_800,
        access_key_id: issued?.accessKeyId,
        identity: { run_id: job.job.run.id, job_id: job.job.id, ref: "refs/heads/main" },
      },
    ]);
  });

  test("is not needed yet in the first half of a life, and tells until when it can wait", async () => {
    const { client, first } = await given();
    const reply = await client.renew(first.RenewalToken);
    const { renewal_after: after = "", expiration = "" } = reply.json as Body;
    const life = Date.parse(expiration) - Date.now();
    const wait = Date.parse(after) - Date.now();
    expect(life).toBeGreaterThan(890_000);
    expect(wait).toBeGreaterThan(life / 2);
    expect(wait).toBeLessThan(life - 60_000);
  });

  test("keeps the environment that the token proved at first, which GitHub does not tell", async () => {
    const { job } = bench().newJob();
    const client = await bench().client(job);
    const token = client.token(publicUrl, { environment: "production" });
    const asked = await client.askByToken(token, { role: roleOf("production") });
    const first = await client.credentialsIn(asked);
    const reply = await client.renew(first.RenewalToken);
    expect(outcomeOf(reply)).toEqual(served);
    await client.renew((await client.credentialsIn(reply)).RenewalToken);
    expect(bench().records.map(({ proof, identity }) => [proof, identity])).toMatchObject([
      ["oidc", { environment: "production", job: null }],
      ["renewal", { environment: "production", job: "deploy" }],
      ["renewal", { environment: "production" }],
    ]);
  });
});

test("tags, external id and policy are the grant's of now, and a default time shrinks with it", async () => {
  const { client, first } = await given();
  const session_policy = { Version: "2012-10-17", Statement: [] };
  const changed = {
    ...long,
    tags: { team: "run.repository.name" },
    external_id: "another-id",
    session_policy,
  };
  await bench().restart([changed, production]);
  expect((await client.renew(first.RenewalToken)).status).toBe(200);
  expect(sts().assumed).toMatchObject([
    {
      tags: { team: "app" },
      externalId: "another-id",
      policy: JSON.stringify(session_policy),
      durationSeconds: 900,
    },
  ]);
  expect(Object.keys(sts().assumed[0]?.tags ?? {})).toEqual(["team"]);
  await bench().restart();
});
