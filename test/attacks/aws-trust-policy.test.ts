import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { grantLike } from "../harness/config.ts";
import { type Call, listed, type Policy, trusts } from "../harness/iam.ts";
import { repositoryOf } from "../harness/scenes.ts";
import { wrongCalls } from "../harness/wrong-calls.ts";
import type { AssumeRoleParameters } from "../world/sts/parameters.ts";

/** The policies that operators are told to use, taken out of the text. */
const operating = readFileSync(join(import.meta.dirname, "../../docs/operating.md"), "utf8");
const policies = [...operating.matchAll(/```json\n([\s\S]*?)```/g)]
  .map(([, text = ""]) => JSON.parse(text) as Policy)
  .filter(({ Statement }) => Statement !== undefined);
const [own, trust, ...others] = policies;
if (own === undefined || trust === undefined || others.length > 0)
  throw new Error("docs/operating.md has the broker's own policy and the trust policy");

const broker = "arn:aws:iam::123456789012:role/actions2aws-broker";
const publicUrl = "https://broker.example.com";
const shop = { repository: "acme/shop", repository_id: 4_001 };
const role = listed(own.Statement[0]?.Resource)[0] ?? "";
const bench = useBench({
  attacks: true,
  tokens: true,
  settings: { public_url: publicUrl },
  grants: [grantLike("shop", { ...shop, job: undefined, proof: "either", role: [role] })],
});

const callOf = ({ externalId, tags }: AssumeRoleParameters): Call => ({
  principal: broker,
  externalId,
  tags,
});

/** Every call of AssumeRole that a job of acme/shop can have the broker make. */
async function calls(): Promise<Call[]> {
  const { github, sts } = bench().world;
  const known = github.repositories.find(({ id }) => id === shop.repository_id);
  const repository = known ?? repositoryOf(bench(), "shop", shop.repository_id);
  for (const proof of ["log", "oidc"]) {
    const client = await bench().client(bench().newJob({ repository }).job);
    const reply =
      proof === "log"
        ? await client.attempt({ role })
        : await client.askByToken(client.token(publicUrl), { role });
    const { RenewalToken } = await client.credentialsIn(reply);
    await client.credentialsIn(await client.renew(RenewalToken));
  }
  expect(sts.assumed.map(({ roleArn }) => roleArn)).toEqual([role, role, role, role]);
  return sts.assumed.map(callOf);
}

describe("The documentation's policies (A-03, A-12):", () => {
  test("the broker's own lists roles one by one, and allows nothing else", () => {
    expect(own.Statement.map(({ Action }) => Action)).toEqual([
      ["sts:AssumeRole", "sts:TagSession"],
    ]);
    for (const resource of own.Statement.flatMap(({ Resource }) => listed(Resource)))
      expect(resource).toMatch(/^arn:aws:iam::\d{12}:role\/[\w/-]+$/);
  });

  test("the role's trusts the broker's role, not its account", () => {
    for (const { Principal } of trust.Statement) expect(Principal).toEqual({ AWS: broker });
  });

  test("the role's lets pass what the broker asks for, by either proof and at each renewal", async () => {
    const made = await calls();
    expect(made.map((call) => trusts(trust, call))).toEqual([true, true, true, true]);
  });

  test("the role's refuses the same calls when anything in them is wrong", async () => {
    const made = await calls();
    for (const [name, spoil] of Object.entries(wrongCalls(broker, "acme/shop"))) {
      const passes = made.map((call) => trusts(trust, spoil(call)));
      expect([name, passes]).toEqual([name, made.map(() => false)]);
    }
  });

  test("the mistakes that they avoid would be seen here", () => {
    const [assume, tag] = trust.Statement;
    if (assume === undefined || tag === undefined) throw new Error("there are two statements");
    const root = { AWS: "arn:aws:iam::123456789012:root" };
    const anybody: Policy = {
      ...trust,
      Statement: [{ ...assume, Principal: root, Condition: {} }],
    };
    expect(trusts(anybody, { principal: broker.replace("broker", "admin"), tags: {} })).toBe(true);
    const { "ForAllValues:StringEquals": keys = {} } = tag.Condition ?? {};
    const careless: Policy = {
      ...trust,
      Statement: [{ ...assume, Condition: { "ForAllValues:StringEquals": keys } }],
    };
    expect(trusts(careless, { principal: broker, tags: {} })).toBe(true);
  });

  test("how to end sessions that are out already is told, since AWS calls none of them back (A-16)", () => {
    expect(operating).toMatch(/Revoke active sessions.*aws:TokenIssueTime/);
  });
});
