import { beforeAll, describe, expect, test } from "vitest";
import { signingKey } from "../world/issuer/keys.ts";
import { useBench } from "../harness/bench.ts";
import type { Client } from "../harness/client.ts";
import { roleOf } from "../harness/config.ts";
import type { Job, Step } from "../harness/job.ts";
import { byToken, outcomeOf, publicUrl, served, tokenBench } from "../harness/token-scene.ts";

const strange = byToken("strange", {
  repository_id: 4_242,
  workflow: ".github/workflows/secret.yml",
  ref: "refs/heads/secret",
  event: ["schedule"],
  actor: ["hubot"],
  environment: ["vault"],
  proof: "either",
  step: ["assume role"],
  max_duration: "15m",
});
const settings = { public_url: publicUrl };
const bench = useBench({ ...tokenBench([strange]), settings, attacks: true });

// Jobs ask for tokens of the address that they call.
beforeAll(async () => {
  settings.public_url = bench().broker.url;
  await bench().restart();
});

describe("a token is written down nowhere:", () => {
  /** What the issuer gives to jobs. */
  function listen(): string[] {
    const given: string[] = [];
    bench().world.issuer.transform((body) => {
      if (typeof body.value === "string") given.push(body.value);
    });
    return given;
  }

  function run(job: Job, role: string, more: string): Promise<Step> {
    const command = bench().request(`--proof oidc --timeout 10s ${more}`, roleOf(role));
    const env = { RUNNER_DEBUG: "1", ACTIONS_STEP_DEBUG: "true", DEBUG: "*" };
    return job.run("assume role", command, { env, idToken: true, showsCredentials: true });
  }

  const ways: Record<string, [role: string, more: string, exitCode: number]> = {
    "a job that is served": ["by-token", "-- printenv AWS_SESSION_TOKEN", 0],
    "a job that has the credentials written out": ["by-token", "--format json", 0],
    "a job that is denied": ["strange", "", 3],
  };
  test.for(Object.entries(ways))(
    "by %s, though debug output is on (O-18)",
    async ([, [role, more, exitCode]]) => {
      const given = listen();
      const job = bench().newJob();
      const { github } = bench().world;
      const step = await run(job, role, more);
      expect([step.exitCode, step.stderr]).toEqual([exitCode, expect.anything()]);
      expect(given).toHaveLength(1);
      const { broker, records } = bench();
      const said = `${step.stdout}\n${step.stderr}`.split("\n");
      const texts = [
        ...said.filter((line) => !line.startsWith("::add-mask::")),
        step.log,
        broker.stdout,
        broker.stderr,
        JSON.stringify([records, github.journal, bench().world.sts.journal]),
        await broker.shown(),
      ];
      for (const part of given.flatMap((token) => token.split(".")))
        expect(texts.filter((text) => text.includes(part))).toEqual([]);
    },
  );

  test("by a broker that can't tell whose it is, or is told more than it takes (O-18)", async () => {
    const client = await bench().client();
    const token = tokenOf(client);
    const bodies = [
      { role: roleOf("by-token"), unknown: token },
      { role: token },
      { repository: token },
      { ticket: token.slice(0, 500) },
      { job: { name: token.slice(0, 500), id: "1e3" } },
    ];
    const replies = await Promise.all(bodies.map((more) => client.askByToken(token, more)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([400, 403]));
    const { broker, records } = bench();
    const texts = [broker.stdout, broker.stderr, JSON.stringify([records, replies])];
    texts.push(await broker.shown());
    for (const part of token.split(".").map((whole) => whole.slice(0, 64)))
      expect(texts.filter((text) => text.includes(part))).toEqual([]);
  });
});

test("what does not fit is told without its values to who has shown the log alone, or a token that is not accepted (H-15, O-18)", async () => {
  const client = await bench().client();
  const byLog = await client.attempt({ role: roleOf("strange"), duration_seconds: 7_200 });
  expect(outcomeOf(byLog)).toMatchObject([403, "no_grant", expect.arrayContaining(["ref"])]);
  const forged = client.token(settings.public_url, {}, { key: signingKey(8) });
  const byForgery = await client.askByToken(forged, { role: roleOf("strange") });
  expect(outcomeOf(byForgery)).toEqual([401, "oidc_invalid", []]);
  for (const { text } of [byLog, byForgery])
    expect(text).not.toMatch(/vault|secret|hubot|4242|7200|strange/);
  const honest = await client.askByToken(tokenOf(client), { role: roleOf("by-token") });
  expect(outcomeOf(honest)).toEqual(served);
});

function tokenOf(client: Client): string {
  return client.token(settings.public_url);
}
