import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { grantLike, role, roleOf } from "../harness/config.ts";
import { actions2aws } from "../harness/program.ts";
import { goodRequest } from "../harness/requests.ts";
import { repositoryOf } from "../harness/scenes.ts";

const gov = "arn:aws-us-gov:iam::123456789012:role/app-deploy";
const bench = useBench({
  attacks: true,
  grants: [
    grantLike("of-another-job", { job: ["publish"] }),
    grantLike("of-another-repository", { repository: "acme/lib", repository_id: 3_001 }),
    grantLike("patterned", { role: ["arn:aws:iam::123456789012:role/team/app-*"] }),
    grantLike("government", { role: [gov] }),
    grantLike("spelled", { external_id: "Acme:App/1" }),
  ],
});
const sts = () => bench().world.sts;

/** Asks for a role as the honest job, once what is looked up ahead has been. */
async function ask(asked: unknown) {
  const { client, fields } = await goodRequest(bench());
  return client.post("/v1/credentials", { ...fields, role: asked });
}

describe("A caller chooses the role:", () => {
  test("one that a grant gives to another job of the repository is refused (A-01)", async () => {
    const denied = await ask(roleOf("of-another-job"));
    expect(denied.status).toBe(403);
    await bench().expectDenied(denied, "no_grant", ["job"]);
  });

  test("one that a grant gives to another repository is refused, and nothing is looked up (A-01)", async () => {
    repositoryOf(bench(), "lib", 3_001);
    const denied = await ask(roleOf("of-another-repository"));
    await bench().expectDenied(denied, "role_not_granted", ["role"]);
    expect(bench().asked).toEqual([]);
  });

  const account = "arn:aws:iam::123456789012";
  /** Well formed, and no grant's: character by character. */
  const others = {
    "that no grant lists": `${account}:role/admin`,
    "that is the broker's own": `arn:aws:iam::111122223333:role/broker`,
    "of that name in an attacker's account": "arn:aws:iam::999999999999:role/app-deploy",
    "of that name under a path": `${account}:role/admin/app-deploy`,
    "of that name under two slashes": `${account}:role//app-deploy`,
    "of that name in other case": `${account}:role/App-Deploy`,
    "of a longer name": `${account}:role/app-deploy2`,
    "of a shorter name": `${account}:role/app-deplo`,
    "of that name in China's partition": `arn:aws-cn:iam::123456789012:role/app-deploy`,
    "of that name in a partition that is not there": `arn:aws-x:iam::123456789012:role/app-deploy`,
    "below the path of a pattern": `${account}:role/team/app-a/b`,
    "whose path goes up from a pattern's": `${account}:role/team/app-a/../../admin`,
    "of a pattern's name and another path": `${account}:role/app-x`,
  };
  test.for(Object.entries(others))("a role %s is not granted (A-01, A-09)", async ([, asked]) => {
    await bench().expectDenied(await ask(asked), "role_not_granted", ["role"]);
    expect(bench().asked).toEqual([]);
  });

  /** What is no role's ARN, however near it comes. */
  const odd = {
    "the account's root": `${account}:root`,
    "a user": `${account}:user/app-deploy`,
    "a group": `${account}:group/app-deploy`,
    "a session of the role": "arn:aws:sts::123456789012:assumed-role/app-deploy/session",
    "the role as STS would name it": "arn:aws:sts::123456789012:role/app-deploy",
    "a region in it": "arn:aws:iam:eu-west-1:123456789012:role/app-deploy",
    "a blank behind it": `${role} `,
    "a blank before it": ` ${role}`,
    "a line end behind it": `${role}\n`,
    "a NUL behind it": `${role}\u0000`,
    "a second role behind it": `${role},${account}:role/admin`,
    "a pattern": `${account}:role/app-*`,
    "a pattern for one character": `${account}:role/app-deplo?`,
    "a pattern for the account": "arn:aws:iam::*:role/app-deploy",
    "other case": role.toUpperCase(),
    "full-width digits": `arn:aws:iam::１２３４５６７８９０１２:role/app-deploy`,
    "Arabic digits": `arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:role/app-deploy`,
    "a digit too few": "arn:aws:iam::12345678901:role/app-deploy",
    "a digit too many": "arn:aws:iam::1234567890123:role/app-deploy",
    "a letter that looks like another": role.replace("deploy", "dеploy"),
    "percent-encoding": role.replace("app-deploy", "app%2Ddeploy"),
    "a name alone": "app-deploy",
    "a list": [role],
    "an object": { role },
    nothing: "",
    null: null,
  };
  test.for(Object.entries(odd))(
    "%s is no role's ARN, and refused (A-01, A-09)",
    async ([, asked]) => {
      await bench().expectDenied(await ask(asked), "invalid_request");
      expect(bench().asked).toEqual([]);
    },
  );

  test("a role that a pattern fits is asked for as it is spelled (A-01)", async () => {
    const asked = "arn:aws:iam::123456789012:role/team/app-a";
    const client = await bench().client();
    await client.obtain({ role: asked });
    expect(sts().assumed).toMatchObject([{ roleArn: asked }]);
  });

  test("a role of another partition counts only when AWS answers for that partition (A-09)", async () => {
    const believed = await (await bench().client()).attempt({ role: gov });
    expect(believed.json).toMatchObject({ code: "aws_unavailable" });
    bench().lostAnswers = 1;
    const partition = sts().rewrite((xml) => xml.replace("arn:aws:sts", "arn:aws-us-gov:sts"));
    const client = await bench().client();
    await client.obtain({ role: gov });
    partition.remove();
    expect(sts().assumed.map(({ roleArn }) => roleArn)).toEqual([gov, gov]);
  });
});

describe("The external id is not the caller's (A-02):", () => {
  test.for(["acme/app", "ACME/App", "Acme/APP", "acme/APP"])(
    "who writes %s gets GitHub's spelling",
    async (repository) => {
      const client = await bench().client();
      const challenge = await client.challenge({ repository });
      client.announce(challenge);
      await client.credentialsIn(await client.ask(challenge, { repository }));
      expect(sts().assumed.map(({ externalId }) => externalId)).toEqual(["acme/app"]);
      expect(sts().assumed[0]?.tags).toMatchObject({ "github:repo": "acme/app" });
    },
  );

  test("a grant's own is passed on as it is", async () => {
    await (await bench().client()).obtain({ role: roleOf("spelled") });
    expect(sts().assumed.map(({ externalId }) => externalId)).toEqual(["Acme:App/1"]);
  });

  test.for(["external_id", "ExternalId", "externalId", "role_session_name", "tags", "policy"])(
    "a request that brings %s is refused",
    async (field) => {
      const denied = await (await bench().client()).attempt({ [field]: "acme/other" });
      expect(denied.status).toBe(400);
      await bench().expectDenied(denied, "invalid_request");
    },
  );

  test("a role that asks for another external id is not given, and is asked for once", async () => {
    sts().roles.set(role, { externalId: "acme/other" });
    const { json } = await (await bench().client()).attempt();
    expect(json).toMatchObject({ code: "aws_denied" });
    expect(sts().journal).toHaveLength(1);
  });
  afterEach(() => sts().roles.clear());
});

describe("A configuration is not loaded that could mean another role than it says (A-01):", () => {
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-roles-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("each of these roles is a fault, told with its line", async () => {
    const bad = [
      "arn:aws:iam::123456789012:role/*",
      "arn:aws:iam::123456789012:role/**",
      "arn:aws:iam::123456789012:role/path/*",
      "arn:aws:iam::123456789012:role/pa*th/app",
      "arn:aws:iam::123456789012:role/a**",
      "arn:aws:iam::*:role/app-deploy",
      "arn:aws:iam::12345678901*:role/app-deploy",
      "arn:*:iam::123456789012:role/app-deploy",
      "arn:aws:iam::123456789012:*",
      "*",
      "arn:aws:iam::123456789012:root",
      "arn:aws:iam::123456789012:user/x",
      "arn:aws:sts::123456789012:assumed-role/x/y",
      "arn:aws:iam::123456789012:role/app-deploy ",
      "arn:aws:iam::１２３４５６７８９０１２:role/app-deploy",
      "app-deploy",
    ];
    const file = join(folder, "broker.yml");
    const grant = (arn: string, index: number) =>
      `  - { name: g${index}, repository: acme/app, step: s, role: ${JSON.stringify(arn)} }`;
    writeFileSync(file, `grants:\n${[role, ...bad].map(grant).join("\n")}\n`);
    const { exitCode, stdout, stderr } = await actions2aws(["serve", "--config", file, "--check"]);
    expect([exitCode, stdout]).toEqual([2, ""]);
    const lines = stderr.trimEnd().split("\n");
    expect(lines.map((line) => line.slice(file.length + 1).split(":")[0])).toEqual(
      bad.map((_, index) => String(index + 3)),
    );
    for (const line of lines) expect(line).toContain("must be the ARN of an IAM role");
  });
});
