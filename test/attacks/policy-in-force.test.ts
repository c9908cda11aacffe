import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { alone } from "../harness/alone.ts";
import type { Bench } from "../harness/bench.ts";
import { type Grant, grantLike, role, roleOf } from "../harness/config.ts";
import { OperatedProgram } from "../harness/operated-program.ts";
import { actions2aws } from "../harness/program.ts";
import { runOf } from "./scenes/scene.ts";
import { checked, written } from "./policy-text.ts";

const differences: Record<string, Grant> = {
  duration: { max_duration: "15m" },
  age: { max_age: "15m" },
  tags: { tags: { team: "run.repository.name" } },
  "transitive tags": { transitive_tags: ["github:repo"] },
  "external id": { external_id: "ours" },
  "session policy": { session_policy: { Version: "2012-10-17", Statement: [] } },
  step: { step: ["assume role", "keygen"] },
  proof: { proof: "either" },
};
const nameOf = (difference: string): string => difference.replace(" ", "-");

/** Two grants for one role, which both fit a push to main, and only the one a push to another branch. */
const pair = (difference: string, changes: Grant): Grant[] => {
  const shared = { role: [roleOf(nameOf(difference))] };
  return [
    grantLike(`wide-${nameOf(difference)}`, { ...shared, ref: undefined }),
    grantLike(`strict-${nameOf(difference)}`, { ...shared, ...changes }),
  ];
};
const pairs = Object.entries({ ...differences, nothing: {} }).flatMap((one) => pair(...one));

async function ask(bench: Bench, difference: string, headBranch: string) {
  if (headBranch !== "main") bench.world.github.push(bench.repository, headBranch, headBranch);
  const client = await bench.client(runOf(bench, { headBranch }));
  return client.attempt({ role: roleOf(nameOf(difference)) });
}

describe("of two grants for one role that fit a run and differ, neither counts (P-05),", () => {
  const orders = { "in the one order": pairs, "and in the other": pairs.toReversed() };
  test.for(Object.entries(orders))("%s", async ([, grants]) => {
    const act = alone(
      async (bench) => {
        for (const difference of Object.keys(differences)) {
          const name = nameOf(difference);
          await bench.expectDenied(await ask(bench, difference, "main"), "no_grant");
          expect(bench.records.at(-1)).toMatchObject({
            fields: [],
            note: `grants in conflict: strict-${name}, wide-${name}`,
          });
        }
        // Where only the one fits, the other lends it nothing.
        for (const difference of Object.keys(differences))
          expect((await ask(bench, difference, `topic-${nameOf(difference)}`)).status).toBe(200);
        const sessions = bench.world.sts.assumed.map(({ tags, ...session }) => ({
          externalId: session.externalId,
          durationSeconds: session.durationSeconds,
          policy: session.policy,
          transitive: session.transitiveTagKeys,
          tags: Object.keys(tags).length,
        }));
        const plain = {
          externalId: "acme/app",
          durationSeconds: 900,
          policy: undefined,
          transitive: [],
        };
        expect(sessions).toEqual(Object.keys(differences).map(() => ({ ...plain, tags: 7 })));
        // Two that come to the same are as good as one.
        expect((await ask(bench, "nothing", "main")).status).toBe(200);
        expect(bench.records.at(-1)).toMatchObject({ grant: "strict-nothing" });
        await bench.expectGolden();
      },
      { grants },
    );
    await act();
  });
});

describe("the policy in force is named by the hash of its file:", () => {
  test("in the log at the start, at each reload, and in each record (P-06)", async () => {
    const it = await OperatedProgram.start();
    const hash = (): string => createHash("sha256").update(it.config).digest("hex");
    const first = hash();
    expect(it.log.find(({ msg }) => msg === "listening")).toMatchObject({ policy: first });
    await (await it.client()).obtain();
    it.configure(`${it.config}\n# M\u00FCller\r\n`);
    expect(await it.reload()).toMatchObject({ msg: "reloaded", policy: hash() });
    await (await it.client()).attempt({ role: roleOf("admin") });
    expect(hash()).not.toBe(first);
    expect(it.audit).toMatchObject([
      { decision: "allowed", policy: first },
      { decision: "denied", policy: hash() },
    ]);
  });
});

describe("a file with a fault is not put in force:", () => {
  const faulty = (text: string): string => text.replace('"ref"', '"refs"');

  test("the broker does not start with it, and says what --check says (P-01)", async () => {
    const text = JSON.stringify({ grants: [grantLike("a", {})] }, undefined, 2);
    const { faults } = await checked(faulty(text));
    expect(faults).toMatchObject([{ message: 'grants[0] has an unknown key: "refs"' }]);
    const file = written(faulty(text));
    const env = { GITHUB_TOKEN: "x", GITHUB_USER_SESSION: "x", AWS_REGION: "eu-west-1" };
    const started = await actions2aws(["serve", "--config", file, "--listen", "127.0.0.1:0"], env);
    expect(started).toMatchObject({
      exitCode: 2,
      stdout: "",
      stderr: `${file}:${faults[0]?.line}: ${faults[0]?.message}\n`,
    });
  });

  test("a running broker keeps the policy that it has, and judges by that (P-01)", async () => {
    const it = await OperatedProgram.start();
    const { github } = it.world;
    const before = it.config;
    github.push(it.golden.repository, "evil", "evil work");
    it.configure(faulty(before));
    expect(await it.reload()).toMatchObject({
      msg: "not reloaded: the old settings stay",
      faults: [expect.stringContaining('grants[0] has an unknown key: "refs"')],
    });
    const job = github.addJob(github.addRun(it.golden.repository, { headBranch: "evil" }));
    github.addStep(job);
    const denied = await (await it.client(job)).attempt({ role });
    expect(denied.json).toMatchObject({ code: "no_grant", fields: ["ref"] });
    await (await it.client()).obtain();
    const hash = createHash("sha256").update(before).digest("hex");
    expect(new Set(it.audit.map(({ policy }) => policy))).toEqual(new Set([hash]));
  });
});
