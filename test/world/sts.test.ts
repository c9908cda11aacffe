import {
  AssumeRoleCommand,
  GetCallerIdentityCommand,
  STSClient,
  type AssumeRoleCommandInput,
  type AssumeRoleCommandOutput,
} from "@aws-sdk/client-sts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { ask } from "./ask.ts";
import { startWorld, type World } from "./index.ts";
import type { Settings } from "./sts/settings.ts";

let world: World;
let client: STSClient;
const arn = "arn:aws:iam::123456789012:role/team/shop-deploy";

beforeEach(async () => {
  world = await startWorld();
  const credentials = { accessKeyId: "AKIABROKER0000000000", secretAccessKey: "broker" };
  client = new STSClient({
    endpoint: world.sts.url,
    region: "eu-central-1",
    credentials,
    maxAttempts: 1,
  });
});
afterEach(async () => {
  client.destroy();
  await world.close();
});

function assume(input: Partial<AssumeRoleCommandInput> = {}): Promise<AssumeRoleCommandOutput> {
  return client.send(
    new AssumeRoleCommand({ RoleArn: arn, RoleSessionName: "run-5001", ...input }),
  );
}

test("gives the SDK canaries, another set each time, and remembers what was asked", async () => {
  const Tags = [
    { Key: "github:repo", Value: "acme/app" },
    { Key: "github:author", Value: "" },
  ];
  const output = await assume({
    ExternalId: "acme/app",
    DurationSeconds: 900,
    Tags,
    TransitiveTagKeys: ["github:repo"],
    Policy: '{"Statement":[]}',
  });
  expect(output.Credentials?.AccessKeyId).toMatch(/^ASIACANARY[A-Z2-7]{10}$/);
  expect(output.Credentials?.SecretAccessKey).toMatch(/^canary\+Secret\/.{26}$/);
  expect(output.Credentials?.SessionToken).toMatch(/^canarySessionToken.{300,}$/);
  expect(Number(output.Credentials?.Expiration) - Date.now()).toBeGreaterThan(890_000);
  expect(output.AssumedRoleUser?.Arn).toBe(
    "arn:aws:sts::123456789012:assumed-role/shop-deploy/run-5001",
  );
  expect(output.PackedPolicySize).toBeLessThan(10);
  await assume();
  expect(world.sts.assumed).toMatchObject([
    {
      roleArn: arn,
      roleSessionName: "run-5001",
      externalId: "acme/app",
      durationSeconds: 900,
      tags: { "github:repo": "acme/app", "github:author": "" },
      transitiveTagKeys: ["github:repo"],
      policy: '{"Statement":[]}',
    },
    { roleSessionName: "run-5001", tags: {} },
  ]);
  expect(new Set(world.sts.issued.map(({ accessKeyId }) => accessKeyId)).size).toBe(2);
  expect(world.sts.journal[0]).toMatchObject({
    status: 200,
    note: { action: "AssumeRole", callerKeyId: "AKIABROKER0000000000" },
  });
});

test("tells who the caller is", async () => {
  expect(await client.send(new GetCallerIdentityCommand())).toMatchObject({
    Account: "111122223333",
    Arn: world.sts.callerArn,
  });
});

const tag = (Key: string, Value = "x") => ({ Tags: [{ Key, Value }] });
const tags = (count: number, size = 1) => ({
  Tags: Array.from({ length: count }, (_, n) => ({
    Key: `key${n}`.padEnd(size, "k"),
    Value: "v".repeat(size),
  })),
});

describe("refuses", () => {
  test.each<[string, Partial<AssumeRoleCommandInput>, string, RegExp]>([
    [
      "a session name of 1",
      { RoleSessionName: "x" },
      "ValidationError",
      /'roleSessionName'.*length greater than or equal to 2/,
    ],
    [
      "a session name of 65",
      { RoleSessionName: "x".repeat(65) },
      "ValidationError",
      /'roleSessionName'.*length less than or equal to 64/,
    ],
    [
      "a session name with a space",
      { RoleSessionName: "a b" },
      "ValidationError",
      /'roleSessionName'.*pattern: \[\\w\+=,\.@-\]\*/,
    ],
    ["an external id of 1", { ExternalId: "x" }, "ValidationError", /'externalId'/],
    [
      "an external id of 1,225",
      { ExternalId: "x".repeat(1_225) },
      "ValidationError",
      /'externalId'/,
    ],
    ["an external id with a space", { ExternalId: "a b" }, "ValidationError", /'externalId'/],
    [
      "899 seconds",
      { DurationSeconds: 899 },
      "ValidationError",
      /'durationSeconds'.*greater than or equal to 900/,
    ],
    [
      "43,201 seconds",
      { DurationSeconds: 43_201 },
      "ValidationError",
      /'durationSeconds'.*less than or equal to 43200/,
    ],
    ["51 tags", tags(51), "ValidationError", /'tags'.*less than or equal to 50/],
    ["an empty key", tag(""), "ValidationError", /'tags\.1\.member\.key'/],
    ["a key of 129", tag("k".repeat(129)), "ValidationError", /'tags\.1\.member\.key'/],
    ["a value of 257", tag("k", "v".repeat(257)), "ValidationError", /'tags\.1\.member\.value'/],
    [
      "a value with a bracket",
      tag("k", "dependabot[bot]"),
      "ValidationError",
      /'tags\.1\.member\.value'.*pattern/,
    ],
    ["a value with a newline", tag("k", "a\nb"), "ValidationError", /'tags\.1\.member\.value'/],
    [
      "keys that differ in case alone",
      { Tags: [...tag("Repo").Tags, ...tag("repo").Tags] },
      "InvalidParameterValue",
      /case insensitive/,
    ],
    ["a reserved key", tag("aws:x"), "InvalidParameterValue", /reserved/],
    [
      "a transitive key without its tag",
      { ...tag("a"), TransitiveTagKeys: ["b"] },
      "InvalidParameterValue",
      /must be included/,
    ],
    [
      "more than can be packed",
      tags(50, 120),
      "PackedPolicyTooLarge",
      /consumes \d+% of allotted space/,
    ],
    [
      "a policy of 2,049",
      { Policy: `{"Statement":"${"x".repeat(2_049)}"}` },
      "ValidationError",
      /'policy'/,
    ],
    [
      "a policy and ARNs of 2,049 together",
      { Policy: `{"Statement":"${"x".repeat(2_000)}"}`, PolicyArns: [{ arn: "a".repeat(50) }] },
      "ValidationError",
      /combined length/,
    ],
    ["a policy that is no JSON", { Policy: "{" }, "MalformedPolicyDocument", /invalid Json/],
    ["a policy without a statement", { Policy: "{}" }, "MalformedPolicyDocument", /Syntax errors/],
  ])("%s", async (_, input, name, message) => {
    const error: unknown = await assume(input).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      name: expect.stringContaining(name),
      message: expect.stringMatching(message),
    });
    expect(world.sts.issued).toEqual([]);
    expect(world.sts.journal[0]?.note?.refused).toBe(name);
  });

  test.each<
    [string, Partial<Settings> | { role: object }, Partial<AssumeRoleCommandInput>, RegExp]
  >([
    [
      "a role that is not listed",
      { anyRole: false },
      {},
      /^User: arn:aws:sts::\S+ is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role\/team\/shop-deploy$/,
    ],
    [
      "another external id",
      { role: { externalId: "acme/app" } },
      { ExternalId: "acme/other" },
      /sts:AssumeRole/,
    ],
    ["no external id", { role: { externalId: "acme/app" } }, {}, /sts:AssumeRole/],
    ["tags without sts:TagSession", { role: { tagSession: false } }, tag("k"), /sts:TagSession/],
    [
      "more than the role's maximum",
      { role: { maxSessionDuration: 3_600 } },
      { DurationSeconds: 3_601 },
      /exceeds the MaxSessionDuration set for this role/,
    ],
    [
      "more than an hour to a chained role",
      { chained: true },
      { DurationSeconds: 3_601 },
      /exceeds the 1 hour session limit for roles assumed by role chaining/,
    ],
    [
      "an inherited tag",
      { inheritedTagKeys: new Set(["team"]) },
      tag("Team"),
      /conflicts with a transitive tag key/,
    ],
  ])("%s", async (_, settings, input, message) => {
    if ("role" in settings) world.sts.roles.set(arn, settings.role);
    else if (settings.inheritedTagKeys !== undefined) world.sts.inheritedTagKeys.add("team");
    else Object.assign(world.sts, settings);
    await expect(assume(input)).rejects.toThrow(message);
    expect(world.sts.issued).toEqual([]);
  });

  test.each([
    ["Throttling", 400],
    ["ExpiredToken", 403],
    ["AccessDenied", 403],
    ["InternalFailure", 500],
    ["ServiceUnavailable", 503],
  ] as const)("on demand with %s, as often as told", async (code, status) => {
    world.sts.refuse(code, 1);
    const error: unknown = await assume().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      name: expect.stringContaining(code),
      $metadata: { httpStatusCode: status },
    });
    await expect(assume()).resolves.toBeDefined();
    expect(world.sts.assumed).toHaveLength(2);
  });

  test("a request that nobody signed, and an action that it does not have", async () => {
    const body = new URLSearchParams({
      Action: "AssumeRole",
      Version: "2011-06-15",
      RoleArn: arn,
      RoleSessionName: "ab",
    }).toString();
    expect((await ask(world.sts.url, {}, { method: "POST", body })).text).toContain(
      "<Code>MissingAuthenticationToken</Code>",
    );
    const authorization =
      "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-central-1/sts/aws4_request, SignedHeaders=host, Signature=0";
    expect(
      (
        await ask(
          world.sts.url,
          { authorization },
          { method: "POST", body: "Action=GetFederationToken" },
        )
      ).text,
    ).toContain("<Code>InvalidAction</Code>");
  });
});

describe("takes", () => {
  test.each<[string, Partial<AssumeRoleCommandInput>]>([
    ["50 tags", tags(50)],
    ["letters of all scripts, spaces and _.:/=+-@", tag("ключ 鍵", "_.:/=+-@ ñ ①")],
    ["12 hours", { DurationSeconds: 43_200 }],
    [
      "a session name and an external id of all characters",
      { RoleSessionName: "aZ0_+=,.@-", ExternalId: "aZ0_+=,.@:/-" },
    ],
  ])("%s", async (_, input) => {
    await expect(assume(input)).resolves.toMatchObject({ $metadata: { httpStatusCode: 200 } });
  });
});

test.each([
  ["no XML", { body: "oops" }],
  ["half of it", { truncate: true }],
  [
    "a credential short",
    {
      body: "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId></Credentials></AssumeRoleResult></AssumeRoleResponse>",
    },
  ],
])("can answer malformed: %s", async (_, fault) => {
  world.sts.fault(fault);
  const output = await assume().catch((reason: unknown) => reason);
  expect(output).not.toHaveProperty("Credentials.SecretAccessKey");
});
