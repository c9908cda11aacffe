import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AssumeRolePlan } from "../../src/core/issue.ts";
import { StsIssuer } from "../../src/server/aws.ts";
import { code, roleArn } from "../core/golden.ts";
import { startWorld, type World } from "../world/index.ts";

let world: World;
beforeEach(async () => {
  world = await startWorld();
  vi.stubEnv("AWS_ENDPOINT_URL_STS", world.sts.url);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIABROKER0000000000");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await world.close();
});

const plan: AssumeRolePlan = {
  roleArn,
  sessionName: "a2a-1001-5001-1-7001",
  externalId: "acme/app",
  durationSeconds: 900,
  tags: [
    { key: "github:repo", value: "acme/app" },
    { key: "empty", value: "" },
  ],
  transitiveTagKeys: ["github:repo"],
  policy: JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "*" }],
  }),
};
const assume = (change: Partial<AssumeRolePlan> = {}): ReturnType<StsIssuer["assumeRole"]> =>
  new StsIssuer({ region: "eu-central-1" }).assumeRole({ ...plan, ...change });

test("A-02: the plan reaches STS as it is, and its credentials come back", async () => {
  const credentials = await assume();
  expect(world.sts.assumed).toMatchObject([
    {
      roleArn,
      roleSessionName: plan.sessionName,
      externalId: "acme/app",
      durationSeconds: 900,
      tagList: plan.tags,
      transitiveTagKeys: ["github:repo"],
      policy: plan.policy,
    },
  ]);
  const [issued] = world.sts.issued;
  expect(credentials).toMatchObject({ accessKeyId: issued?.accessKeyId });
  expect(credentials.secretAccessKey.reveal()).toBe(issued?.secretAccessKey);
  expect(credentials.sessionToken.reveal()).toBe(issued?.sessionToken);
  expect(Date.parse(credentials.expiration)).toBe(Date.parse(issued?.expiration ?? ""));
  expect(JSON.stringify(credentials)).not.toContain(issued?.secretAccessKey);
});

describe("F-05, A-15: STS that refuses", () => {
  test.each(["AccessDenied", "RegionDisabledException"] as const)(
    "for good, with %s, is asked once",
    async (error) => {
      world.sts.refuse(error);
      await expect(assume()).rejects.toThrow(
        code("aws_denied", { note: `STS: ${error}`, cause: undefined }),
      );
      expect(world.sts.journal).toHaveLength(1);
    },
  );

  test.each(["ExpiredToken", "InvalidClientTokenId"] as const)(
    "because of the broker's own credentials, %s, may take it later",
    async (error) => {
      world.sts.refuse(error);
      await expect(assume()).rejects.toThrow(code("aws_unavailable", { note: `STS: ${error}` }));
    },
  );

  test.each(["Throttling", "InternalFailure", "ServiceUnavailable"] as const)(
    "for a moment, with %s, is asked again",
    async (error) => {
      world.sts.refuse(error, 2);
      expect(await assume()).toHaveProperty("accessKeyId");
      expect(world.sts.journal).toHaveLength(3);
    },
  );

  test("all the time is given up after three", async () => {
    world.sts.refuse("Throttling");
    await expect(assume()).rejects.toThrow(code("aws_unavailable", { retryAfter: 5 }));
    expect(world.sts.journal).toHaveLength(3);
  });

  test("A-06: because tags are too large gets no second try with fewer", async () => {
    world.sts.packedLimit = 10;
    await expect(assume()).rejects.toThrow(
      code("aws_denied", { note: expect.stringContaining("PackedPolicyTooLarge") }),
    );
    expect(world.sts.assumed).toHaveLength(1);
  });

  test.each([
    [
      "A-08: a chained role of more than an hour",
      { durationSeconds: 3_601 },
      (): void => void (world.sts.chained = true),
    ],
    ["A-11: an inherited tag", {}, (): void => void world.sts.inheritedTagKeys.add("github:repo")],
    [
      "A-02: another external id",
      {},
      (): void => void world.sts.roles.set(roleArn, { externalId: "other" }),
    ],
    ["no sts:TagSession", {}, (): void => void world.sts.roles.set(roleArn, { tagSession: false })],
  ])("%s is aws_denied", async (_, change, arrange) => {
    arrange();
    await expect(assume(change)).rejects.toThrow(code("aws_denied"));
    expect(world.sts.issued).toEqual([]);
  });
});

describe("A-13: an answer that is not whole is not passed on", () => {
  const tag = (name: string) => new RegExp(`<${name}>[^<]*</${name}>`);

  test.each<[string, RegExp, string]>([
    ["no access key id", tag("AccessKeyId"), ""],
    ["an odd access key id", tag("AccessKeyId"), "<AccessKeyId>x'; rm -rf</AccessKeyId>"],
    ["no secret", tag("SecretAccessKey"), ""],
    ["no token", tag("SessionToken"), ""],
    ["no expiration", tag("Expiration"), ""],
    [
      "an expiration in the past",
      tag("Expiration"),
      "<Expiration>2020-01-01T00:00:00Z</Expiration>",
    ],
    ["another role", /assumed-role\/app-deploy/, "assumed-role/admin"],
    ["another session", /1-7001<\/Arn>/, "1-7002</Arn>"],
    ["another account", /sts::123456789012/, "sts::210987654321"],
    ["no credentials", /<Credentials>[\s\S]*<\/Credentials>/, ""],
    ["half of it", /<Credentials>[\s\S]*/, ""],
    ["a page of a proxy", /[\s\S]*/, "<html></html>"],
    ["nothing", /[\s\S]*/, ""],
  ])("%s", async (_, found, replacement) => {
    const good = await recorded();
    expect(good).toMatch(found);
    world.sts.fault({ body: good.replace(found, replacement) });
    await expect(assume()).rejects.toThrow(code("aws_unavailable"));
  });

  /** What STS says to the golden plan. */
  async function recorded(): Promise<string> {
    const form = new URLSearchParams({
      Action: "AssumeRole",
      Version: "2011-06-15",
      RoleArn: roleArn,
      RoleSessionName: plan.sessionName,
    });
    const headers = {
      authorization: "AWS4-HMAC-SHA256 Credential=AKIA/x",
      "content-type": "application/x-www-form-urlencoded",
    };
    return (await fetch(world.sts.url, { method: "POST", headers, body: form.toString() })).text();
  }
});

test("a role with a path has a session without it", async () => {
  const role = "arn:aws:iam::123456789012:role/path/to/app-deploy";
  expect(await assume({ roleArn: role })).toHaveProperty("accessKeyId");
  expect(world.sts.assumed).toMatchObject([{ roleArn: role }]);
});
