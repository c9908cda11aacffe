import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { roleOf } from "../harness/config.ts";
import {
  askAsOriginal,
  legacyGrant,
  newOriginalKey,
  openedBy,
  originalJob,
} from "../harness/original.ts";

const bench = useBench({
  grants: [legacyGrant("legacy", { step: ["assume role", "keygen"] })],
  settings: { public_url: "https://broker.example.com/a2a/prod" },
});

describe("the original's client", () => {
  test("gets a binary age file of its four fields, for the one key that the pinned step has announced", async () => {
    const { sts } = bench().world;
    const key = await newOriginalKey();
    const job = originalJob(bench(), key.line);
    const answer = await askAsOriginal(bench(), job);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("application/octet-stream");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.text.split("\n--- ", 1)[0]?.match(/^-> .*/gm)).toEqual([
      expect.stringMatching(/^-> X25519 /),
    ]);
    expect(answer.text.startsWith("age-encryption.org/v1\n")).toBe(true);
    const [issued] = sts.issued;
    expect(await openedBy(key, answer)).toEqual({
      AccessKeyId: issued?.accessKeyId,
      SecretAccessKey: issued?.secretAccessKey,
      SessionToken: issued?.sessionToken,
      // As Go reads a time.
      Expiry: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    await expect(openedBy(await newOriginalKey(), answer)).rejects.toThrow("no identity matched");
    expect(sts.assumed).toMatchObject([
      { roleArn: roleOf("legacy"), externalId: "acme/app", tags: { "github:job": "deploy" } },
    ]);
    expect(bench().records).toMatchObject([
      {
        decision: "allowed",
        grant: "legacy",
        proof: "legacy",
        access_key_id: issued?.accessKeyId,
        identity: { run_id: job.run.id, job: "deploy", ref: "refs/heads/main" },
      },
    ]);
  });

  test("is understood when it is today's keygen that announces, as a real process", async () => {
    const job = bench().newJob();
    const step = await job.run("keygen", "actions2aws keygen");
    expect(step.exitCode).toBe(0);
    const file = readFileSync(job.inTemp("actions2aws/identity"), "utf8");
    const [identity = ""] = /AGE-SECRET-KEY-1[0-9A-Z]+/.exec(file) ?? [];
    const answer = await askAsOriginal(bench(), job.job, { StepName: "keygen" });
    expect(await openedBy({ identity }, answer)).toHaveProperty("SessionToken");
  });

  test.for(["/", "/a2a/prod", "/a2a/prod/"])(
    "may post to %s, where a proxy passes the path of public_url on or not",
    async (path) => {
      const key = await newOriginalKey();
      const answer = await askAsOriginal(bench(), originalJob(bench(), key.line), {}, path);
      expect(await openedBy(key, answer)).toHaveProperty("AccessKeyId");
    },
  );
});
