import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { grantLike, roleOf } from "../harness/config.ts";
import { actions2aws } from "../harness/program.ts";
import { retold, runOf } from "./scenes/scene.ts";

const publicUrl = "https://broker.example.com";
const production = { environment: ["production"], step: ["assume role"] };
const bench = useBench({
  attacks: true,
  tokens: true,
  settings: { public_url: publicUrl },
  grants: [
    grantLike("by-either", { ...production, proof: "either" }),
    grantLike("by-both", { ...production, proof: "both" }),
    grantLike("by-token", { ...production, proof: "oidc", job: undefined }),
  ],
});

describe("an environment is proved by a token, and by nothing else:", () => {
  test("what the REST API says of one, of run or job, counts for nothing (G-19)", async () => {
    const job = runOf(bench(), {}, { environment: "production" });
    const said = { environment: "production", deployment: { environment: "production" } };
    retold(bench(), job, (body) => void Object.assign(body, said));
    bench().world.github.api.transform<{ jobs: object[] }>(
      ({ jobs: [entry] }) => void Object.assign(entry ?? {}, said),
      { match: new RegExp(`/runs/${job.run.id}/attempts/1/jobs`) },
    );
    const client = await bench().client(job);
    const reply = await client.attempt({ role: roleOf("by-either") });
    await bench().expectDenied(reply, "no_grant", ["environment"]);
  });

  test("a record of a deployment is not even asked for (G-19)", async () => {
    const client = await bench().client(runOf(bench(), {}, { environment: "production" }));
    await bench().expectDenied(await client.attempt({ role: roleOf("by-either") }), "no_grant");
    expect(bench().asked.map(({ path }) => path)).not.toContainEqual(
      expect.stringMatching(/deployments|environments/),
    );
  });

  const tokens: Record<string, object> = {
    "without an environment": {},
    "of another environment": { environment: "staging" },
    "of an environment in other letters, which GitHub takes for the same": {
      environment: "Production",
    },
    "of an environment that only looks the same": { environment: "pr\u043Eduction" },
    "of an environment with something behind its name": { environment: "production\n" },
  };
  test.for(Object.entries(tokens))("a token %s does not do (G-19)", async ([, claims]) => {
    const client = await bench().client();
    const reply = await client.askByToken(client.token(publicUrl, { ...claims }), {
      role: roleOf("by-token"),
    });
    await bench().expectDenied(reply, "no_grant", ["environment"]);
  });

  test("a ticket beside a token without the environment does not make up for it (G-19)", async () => {
    const client = await bench().client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const both = { role: roleOf("by-both"), oidc_token: client.token(publicUrl) };
    await bench().expectDenied(await client.ask(challenge, both), "no_grant", ["environment"]);
  });

  test.for(["by-token", "by-either", "by-both"])(
    "a token of the environment is served to the grant %s, and the record has it (G-19)",
    async (name) => {
      const client = await bench().client(runOf(bench(), {}, { environment: "production" }));
      const challenge = await client.challenge();
      client.announce(challenge);
      const asks = { role: roleOf(name), oidc_token: client.token(publicUrl) };
      const reply =
        name === "by-both"
          ? await client.ask(challenge, asks)
          : await client.askByToken(asks.oidc_token, { role: asks.role });
      await expect(client.credentialsIn(reply)).resolves.toHaveProperty("SessionToken");
      expect(bench().records).toMatchObject([{ identity: { environment: "production" } }]);
      // Whether anybody approved, or had to, is GitHub's to ask: see docs/grants.md (G-20).
      expect(bench().asked.filter(({ path }) => /environments|deployments/.test(path))).toEqual([]);
    },
  );
});

test("a grant whose environment nothing can prove is not loaded (G-19)", async () => {
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-environments-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "broker.yml");
  const grants = [undefined, "log"].map((proof, index) =>
    grantLike(`g${index}`, { environment: "production", proof }),
  );
  writeFileSync(file, JSON.stringify({ grants }, undefined, 1));
  const { exitCode, stderr } = await actions2aws(["serve", "--config", file, "--check"]);
  expect(exitCode).toBe(2);
  expect(stderr.trimEnd().split("\n")).toEqual(
    grants.map((_, index) =>
      expect.stringMatching(
        new RegExp(`:\\d+: grants\\[${index}\\]\\.environment can only be proved by OIDC`),
      ),
    ),
  );
});
