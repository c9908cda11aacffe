import { beforeAll, describe, expect, test } from "vitest";
import { type Grant, grantLike, roleOf } from "../harness/config.ts";
import { OperatedProgram } from "../harness/operated-program.ts";
import { type Given, useRenewals } from "../harness/renewal-scene.ts";
import { bodyOf, outcomeOf, served } from "../harness/token-scene.ts";

interface Narrowing {
  readonly grant: Grant | null;
  readonly field: string;
  readonly code?: string;
}

const anotherStep = "it is for another step than the one that announced";

/** Ways in which a grant can come to be narrower: what it says then, and what does not fit any more. */
const narrowings: Record<string, Narrowing> = {
  "it is gone": { grant: null, field: "role", code: "role_not_granted" },
  "it gives another role": {
    grant: { role: [roleOf("another")] },
    field: "role",
    code: "role_not_granted",
  },
  "it is for another repository of that name": {
    grant: { repository_id: 4_242 },
    field: "repository_id",
  },
  "it is for another branch": { grant: { ref: "refs/heads/release" }, field: "ref" },
  "it is for another workflow": {
    grant: { workflow: ".github/workflows/x.yml" },
    field: "workflow",
  },
  "it is for another event": { grant: { event: ["schedule"] }, field: "event" },
  "it is for another job": { grant: { job: ["build"] }, field: "job" },
  "it is for another actor": { grant: { actor: ["hubot"] }, field: "actor" },
  [anotherStep]: {
    grant: { step: ["first"] },
    field: "step",
  },
  "it wants a token": { grant: { proof: "oidc" }, field: "proof" },
  "it wants both proofs": { grant: { proof: "both" }, field: "proof" },
  "it wants an environment": {
    grant: { proof: "either", environment: ["production"] },
    field: "environment",
  },
  "it gives less time than was asked for": {
    grant: { max_duration: "20m" },
    field: "max_duration",
  },
};
const steps = ["first", "assume role"];
const nameOf = (index: number): string => `narrowed-${index}`;
const wide = [
  ...Object.keys(narrowings).map((_, index) => grantLike(nameOf(index), { step: steps })),
  grantLike("kept", { step: steps }),
];
const narrow = [
  ...Object.values(narrowings).flatMap(({ grant }, index) =>
    grant === null ? [] : [grantLike(nameOf(index), { step: steps, ...grant })],
  ),
  grantLike("kept", { step: ["assume role"] }),
];
/** For the job that is served after each test. */
const long = grantLike("long", {});

const { bench, obtained, tokenFor } = useRenewals({ grants: wide });

describe("a renewal is judged by the grant as it is then: it is denied when", () => {
  const made = new Map<string, Given>();
  let kept: Given;
  beforeAll(async () => {
    // No step is named: the broker knows by itself which one has announced.
    const ways = Object.keys(narrowings).map(async (way, index) => {
      const asked = { role: roleOf(nameOf(index)), duration_seconds: 1_800 };
      made.set(way, await obtained(asked));
    });
    [kept] = await Promise.all([obtained({ role: roleOf("kept") }), ...ways]);
    await bench().restart([long, ...narrow]);
  });
  const of = (way: string): Given => made.get(way) ?? expect.unreachable();

  test.for(Object.entries(narrowings))("%s (R-03)", async ([way, { field, code = "no_grant" }]) => {
    const { client, first } = of(way);
    await bench().expectDenied(await client.renew(first.RenewalToken), code, [field]);
  });

  test("but given where the step that announced is kept, of several (R-03)", async () => {
    expect(outcomeOf(await kept.client.renew(kept.first.RenewalToken))).toEqual(served);
  });

  test("but given by a token that does not tell its step, as older ones did not (R-03)", async () => {
    const it = of(anotherStep);
    const role = roleOf(nameOf(Object.keys(narrowings).indexOf(anotherStep)));
    const older = tokenFor(it, { step: undefined, role });
    expect(outcomeOf(await it.client.renew(older))).toEqual(served);
  });

  test("but given again as soon as the grant is as it was (R-03)", async () => {
    await bench().restart([long, ...wide]);
    const renewals = [...made.values()].map(({ client, first }) =>
      client.renew(first.RenewalToken),
    );
    for (const reply of await Promise.all(renewals)) expect(outcomeOf(reply)).toEqual(served);
  });
});

test("a SIGHUP between first credentials and renewal is enough, and another gives the role back (R-03)", async () => {
  const grant = grantLike("taken", {});
  const it = await OperatedProgram.start({ grants: [grant] });
  const client = await it.client();
  const { RenewalToken: token } = await client.obtain({ role: roleOf("taken") });
  it.configure([]);
  await it.reload();
  const denied = await client.renew(token);
  expect([denied.status, bodyOf(denied).code]).toEqual([403, "role_not_granted"]);
  expect(it.world.sts.issued).toHaveLength(1);
  it.configure([grant]);
  await it.reload();
  await client.credentialsIn(await client.renew(token));
  expect(it.audit.map(({ proof, decision }) => [proof, decision])).toEqual([
    ["log", "allowed"],
    ["renewal", "denied"],
    ["renewal", "allowed"],
  ]);
});
