import { describe, expect, test } from "vitest";
import { grantLike } from "../harness/config.ts";
import {
  account,
  brokerRole as broker,
  BrokerStack,
  log,
  secret,
  table,
} from "../harness/broker-stack.ts";
import type { Call } from "../harness/iam.ts";
import { allows, mayAssume, type Policies, type Role } from "../harness/iam-simulation.ts";
import { wrongCalls } from "../harness/wrong-calls.ts";
import { LambdaFunction, publicUrl } from "../server/lambda/function.ts";

const exampleArn = `arn:aws:iam::${account}:role/example`;
const stack = new BrokerStack({ ExampleRepository: "acme/app" });

interface RoleProperties {
  readonly AssumeRolePolicyDocument: object;
  readonly Policies: Policies;
  readonly Tags?: readonly { readonly Key: string; readonly Value: string }[];
}
const { Policies: own } = stack.propertiesOf("BrokerRole") as unknown as RoleProperties;
const { AssumeRolePolicyDocument: trust, Tags = [] } = stack.propertiesOf(
  "ExampleRoleForGithub",
) as unknown as RoleProperties;
const tags = Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]));
const example: Role = { arn: exampleArn, tags, trust };
/** The same in another account. */
const abroad: Role = { ...example, arn: "arn:aws:iam::999999999999:role/example" };

const anything: Policies = [
  {
    PolicyName: "admin",
    PolicyDocument: {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }],
    },
  },
];

/** Every call of AssumeRole that a job of the example's repository can have the broker make. */
async function calls(): Promise<Call[]> {
  const it = await LambdaFunction.open({
    grants: [grantLike("example", { proof: "either", job: undefined, role: [exampleArn] })],
  });
  const { github, sts } = it.world;
  const role = { role: exampleArn };
  for (const proof of ["log", "oidc"]) {
    const job = github.addJob(github.addRun(it.golden.repository));
    github.addStep(job);
    const client = await it.client(job);
    const reply =
      proof === "log"
        ? await client.attempt(role)
        : await client.askByToken(client.token(publicUrl), role);
    const { RenewalToken } = await client.credentialsIn(reply);
    await client.credentialsIn(await client.renew(RenewalToken));
  }
  expect(sts.assumed).toHaveLength(4);
  return sts.assumed.map(({ externalId, tags: given }) => ({
    principal: broker,
    externalId,
    tags: given,
  }));
}

describe("ExampleRoleForGithub, and each that is like it (A-03, A-12):", () => {
  test.each([
    ["in the broker's account", example],
    ["in another", abroad],
  ])("the broker may have it, %s, by either proof and at each renewal", async (_, role) => {
    for (const call of await calls()) expect(await mayAssume(call, own, role)).toBe(true);
  });

  test("nobody has it by the same calls when anything in them is wrong, whatever else the caller may", async () => {
    const made = await calls();
    for (const [name, spoil] of Object.entries(wrongCalls(broker, "acme/app")))
      for (const call of made)
        for (const role of [example, abroad])
          for (const policies of [own, anything])
            expect([name, await mayAssume(spoil(call), policies, role)]).toEqual([name, false]);
  });
});

describe("the broker's own policy:", () => {
  /** Made by somebody who trusts the broker with anything. */
  const trustingAnyCall = {
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Principal: { AWS: broker }, Action: ["sts:AssumeRole", "sts:TagSession"] },
    ],
  };
  const call = { principal: broker, externalId: "acme/app", tags: { "github:repo": "acme/app" } };
  const role = (changes: Partial<Role>): Role => ({
    ...example,
    trust: trustingAnyCall,
    ...changes,
  });

  test.each<[string, Role["tags"], boolean]>([
    ["that is tagged for it", { "github:actions-role": "true" }, true],
    ["that has no tag", {}, false],
    ["that is tagged for something else", { "github:actions-role": "false" }, false],
    ["whose tag is spelt otherwise", { "github:actions-role": "True" }, false],
    ["with another tag", { "github:role": "true" }, false],
  ])("of the roles that trust it, one %s", async (_, given, expected) => {
    for (const { arn } of [example, abroad])
      expect(await mayAssume(call, own, role({ arn, tags: given }))).toBe(expected);
  });

  test("without its denials an untagged role of its account would be open to it: its trust is enough", async () => {
    const careless = own.map((policy) => {
      const { Statement } = policy.PolicyDocument as { Statement: { Effect: string }[] };
      const allowing = Statement.filter(({ Effect }) => Effect === "Allow");
      return { ...policy, PolicyDocument: { Version: "2012-10-17", Statement: allowing } };
    });
    expect(await mayAssume(call, careless, role({ tags: {} }))).toBe(true);
    expect(await mayAssume(call, own, role({ tags: {} }))).toBe(false);
  });

  test("no session has tags of another kind, whatever the role would take", async () => {
    const odd = { ...call, tags: { ...call.tags, team: "admin" } };
    for (const { arn } of [example, abroad]) {
      expect(await mayAssume(odd, own, role({ arn }))).toBe(false);
      expect(await mayAssume(call, own, role({ arn }))).toBe(true);
    }
  });

  const ours: [string, string, boolean][] = [
    ["secretsmanager:GetSecretValue", secret, true],
    ["secretsmanager:PutSecretValue", secret, false],
    ["secretsmanager:GetSecretValue", secret.replace("github", "other"), false],
    ["dynamodb:PutItem", table, true],
    ["dynamodb:UpdateItem", table, true],
    ["dynamodb:GetItem", table, true],
    ["dynamodb:DeleteItem", table, true],
    ["dynamodb:Scan", table, false],
    ["dynamodb:DeleteTable", table, false],
    ["dynamodb:PutItem", `${table}-other`, false],
    ["logs:PutLogEvents", `${log}:log-stream:2026/11/28/[$LATEST]abc`, true],
    ["logs:CreateLogStream", `${log}:log-stream:2026/11/28/[$LATEST]abc`, true],
    ["logs:PutLogEvents", `${log}-other:log-stream:x`, false],
    ["logs:DeleteLogStream", `${log}:log-stream:x`, false],
    ["iam:PassRole", broker, false],
    ["iam:UpdateAssumeRolePolicy", exampleArn, false],
    ["iam:TagRole", exampleArn, false],
  ];
  test.each(ours)("%s on %s: %s", async (action, resource, expected) => {
    const principal = `arn:aws:sts::${account}:assumed-role/actions2aws-broker/session`;
    expect(await allows({ principal, policies: own, action, resource }, account)).toBe(expected);
  });
});

test("a secret that is there already is read in place of one of the stack's", () => {
  const ExistingSecretArn = secret.replace("github", "mine");
  const { resources } = new BrokerStack({ ExistingSecretArn });
  expect(resources.GithubSecret).toBeUndefined();
  const text = JSON.stringify([resources.BrokerRole, resources.Function]);
  expect(text).toContain(ExistingSecretArn);
  expect(text).not.toContain(secret);
});

test("of what is secret nothing is in the template: the signing key is made where it is kept", () => {
  const { GenerateSecretString: made } = stack.propertiesOf("GithubSecret") as {
    GenerateSecretString: Record<string, unknown>;
  };
  expect(JSON.parse(String(made.SecretStringTemplate))).toEqual({ ApiToken: "", UserSession: "" });
  expect(made).toMatchObject({ GenerateStringKey: "SigningKey", PasswordLength: 64 });
  const { Environment } = stack.propertiesOf("Function") as { Environment: unknown };
  expect(Environment).toEqual({ Variables: { GITHUB_SECRET_ID: secret } });
});

test("what API Gateway logs of a request is no body and no header", () => {
  const { AccessLogSettings } = stack.propertiesOf("Api") as {
    AccessLogSettings: { Format: string };
  };
  const logged = [...AccessLogSettings.Format.matchAll(/\$context\.([\w.]+)/g)].map(([, it]) => it);
  expect(new Set(logged)).toEqual(
    new Set([
      "httpMethod",
      "identity.sourceIp",
      "integrationErrorMessage",
      "path",
      "requestId",
      "requestTime",
      "responseLatency",
      "responseLength",
      "status",
    ]),
  );
});
