import { generateIdentity } from "age-encryption";
import * as fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import type { Credentials as Given } from "../world/sts/canary.ts";
import { useBench } from "../harness/bench.ts";
import type { Body } from "../harness/client.ts";
import { each, patient } from "../harness/identity-verdict.ts";
import { changed } from "../harness/mutations.ts";
import {
  both,
  eachChange,
  fields,
  type Listed,
  meet,
  type Single,
  singleChanges,
} from "../harness/single-changes.ts";
import {
  publicUrl,
  tokenCase,
  tokenGrant,
  tokenRole,
  tokenSettings,
} from "../harness/token-cases.ts";
import { readXml, writeXml } from "../harness/xml-value.ts";

const bench = useBench({
  attacks: true,
  tokens: true,
  grants: [tokenGrant],
  settings: tokenSettings,
});
const sts = () => bench().world.sts;

/** Session name → what becomes of STS's answer for it. */
const alterations = new Map<string, (xml: string) => string>();
let identity: string;
beforeAll(async () => {
  identity = await generateIdentity();
  sts().rewrite((xml, { body }) => {
    const session = new URLSearchParams(body).get("RoleSessionName");
    return alterations.get(session ?? "")?.(xml) ?? xml;
  });
});

const user = "AssumeRoleResult.AssumedRoleUser";
const credentials = "AssumeRoleResult.Credentials";
/** What must be right before anything is handed on; all else in the answer must not count. */
const listed: Listed = {
  exact: fields(`${user}.Arn`),
  used: fields(`
    (all) AssumeRoleResult ${user} ${credentials} ${credentials}.AccessKeyId
    ${credentials}.SecretAccessKey ${credentials}.SessionToken ${credentials}.Expiration
  `),
  optional: {
    "AssumeRoleResult.PackedPolicySize": "the SDK reads it, as a number; nobody uses it",
    [`${user}.AssumedRoleId`]: "the SDK reads it, as a text; the ARN says the same",
  },
};

/** What may be told apart from AWS's own by its form alone: there is no checksum in a secret. */
const forms: Record<string, RegExp> = {
  AccessKeyId: /^[A-Z0-9]{16,128}$/,
  SecretAccessKey: /^[A-Za-z0-9/+=]{16,}$/,
  SessionToken: /^[A-Za-z0-9/+=]{16,}$/,
};

/** What is wrong with what came of STS's answer with these changes; nothing, or words. */
async function faultOf({ name, changes, must }: Single): Promise<string[]> {
  const { job, client } = await tokenCase(bench(), identity);
  const session = `a2a-1001-${job.run.id}-1-${job.id}`;
  alterations.set(session, (xml) => {
    const { AssumeRoleResponse: answer } = readXml(xml) as { AssumeRoleResponse: unknown };
    return `<AssumeRoleResponse>${writeXml(changed(answer, changes))}</AssumeRoleResponse>`;
  });
  const reply = await client.askByToken(client.token(publicUrl), { role: tokenRole });
  const calls = sts().journal.filter(({ note }) => note?.parameters?.roleSessionName === session);
  const [call] = calls;
  const fault = (what: string): string[] => [`${name}: ${what}`];
  if (call?.note?.issued === undefined || calls.length > 1) return fault(`${calls.length} calls`);
  if (reply.status !== 200) {
    bench().lostAnswers++;
    const { code } = reply.json as Body;
    return code === "aws_unavailable" && must !== "served" ? [] : fault(`refused with ${code}`);
  }
  const opened = await client.credentialsIn(reply);
  const touched = changes.map(({ path }) => path.at(-1));
  const odd = Object.entries(given(call.note.issued)).filter(([field, value]) => {
    const got = opened[field as keyof typeof opened];
    return touched.includes(field) ? !(forms[field]?.test(got) ?? got === value) : got !== value;
  });
  // STS's journal is to tell what the broker has really been given.
  Object.assign(call.note, { issued: { ...call.note.issued, accessKeyId: opened.AccessKeyId } });
  if (must === "refused") return fault("handed on");
  return odd.length === 0 ? [] : fault(`handed on with ${odd.map(([field]) => field).join(", ")}`);
}

function given({ accessKeyId, secretAccessKey, sessionToken, expiration }: Given) {
  return {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration: expiration,
  };
}

test(
  "STS says one thing otherwise, and no credentials are handed on but those that it gave (A-13)",
  patient,
  async () => {
    const singles = singleChanges(await honestAnswer(), listed);
    expect(singles.length).toBeGreaterThan(100);
    const unchanged: Single = { name: "unchanged", changes: [], must: "served", follows: [] };
    const faults = await each([unchanged, ...singles], faultOf);
    expect(faults.flat()).toEqual([]);
  },
);

test(
  "STS says any two things otherwise, and no credentials are handed on but those that it gave (A-13)",
  patient,
  async () => {
    const all = eachChange(await honestAnswer(), listed);
    const one = fc.constantFrom(...all);
    const pair = fc
      .tuple(one, one)
      .filter(([a, b]) => !meet(a, b))
      .map(both);
    const pairs = fc.array(pair, { minLength: 150, maxLength: 150 });
    await fc.assert(
      fc.asyncProperty(pairs, async (cases) => {
        expect((await each(cases, faultOf)).flat()).toEqual([]);
      }),
      { numRuns: 1, endOnFailure: true },
    );
  },
);

/** An answer that nobody changes. */
async function honestAnswer(): Promise<unknown> {
  const { job, client } = await tokenCase(bench(), identity);
  let seen = "";
  alterations.set(`a2a-1001-${job.run.id}-1-${job.id}`, (xml) => (seen = xml));
  await client.askByToken(client.token(publicUrl), { role: tokenRole });
  return (readXml(seen) as { AssumeRoleResponse: unknown }).AssumeRoleResponse;
}
