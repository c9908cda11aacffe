import { describe, test } from "vitest";
import { roleOf } from "../harness/config.ts";
import { byToken, publicUrl, useTokens } from "../harness/token-scene.ts";

const { bench, tokenOf, ask, show, expectNotAccepted } = useTokens([
  byToken("production", { environment: ["production"] }),
]);

const ids = ["repository_id", "run_id", "run_attempt", "run_number", "check_run_id"];
const texts = [
  "jti",
  "repository",
  "event_name",
  "ref",
  "ref_type",
  "sha",
  "workflow_ref",
  "actor",
];
const mayBeAbsent = ["job_workflow_ref", "environment"];

/** None of these values of a claim makes a token, where only the right one does. */
async function expectNone(name: string, make: (right: unknown) => readonly unknown[]) {
  const { job } = bench().newJob();
  const client = await bench().client(job);
  const values = make(bench().world.issuer.claims(job)[name]);
  const replies = values.map((value) => ask(client, "by-token", { [name]: value }));
  for (const reply of await Promise.all(replies)) await expectNotAccepted(reply);
}

describe("a claim that a check needs is text as GitHub writes it, or the token is none:", () => {
  /** Odd in the same way for every claim; what is right comes in a list, and in an object. */
  const odd = (right: unknown): unknown[] => [
    null,
    "",
    true,
    Number(right) || 1,
    [],
    [right],
    {},
    { value: right },
  ];
  test.for([...ids, ...texts])("%s left out, or of another type (O-12, O-15)", async (name) => {
    await expectNone(name, (right) => [undefined, ...odd(right)]);
  });

  test.for(mayBeAbsent)("%s of another type, though it may be left out (O-12)", async (name) => {
    await expectNone(name, odd);
  });

  test.for(ids)("%s in another spelling of its number (O-12, H-03)", async (name) => {
    await expectNone(name, (value) => {
      const right = String(value);
      const near = [`0${right}`, ` ${right}`, `+${right}`, `${right}.0`, `${right}e0`];
      return [...near, "0", "-1", "0x10", "9007199254740993", "NaN"];
    });
  });

  test.for([
    ["ref_type", ["commit", "Branch", "branch "]],
    ["sha", ["HEAD", "0".repeat(39), "G".repeat(40)]],
    ["repository", ["acme", "acme/app/x", "acme/../app", "acme/app\n", "acme/\u212App"]],
  ] as const)("%s of another shape (O-12)", async ([name, values]) => {
    await expectNone(name, () => values);
  });
});

describe("a claim that stands twice makes the token none, whichever of both is right:", () => {
  test.for([
    ["first", "environment", "production", "staging"],
    ["last", "environment", "staging", "production"],
  ] as const)("the %s (O-12)", async ([, name, first, last]) => {
    const { job } = bench().newJob();
    const client = await bench().client(job);
    const claims = bench().world.issuer.claims(job, `${publicUrl}#${client.publicKey}`);
    const twice = `{"${name}":"${first}",${JSON.stringify({ ...claims, [name]: last }).slice(1)}`;
    const token = tokenOf(client, {}, { payload: twice });
    for (const role of ["production", "by-token"])
      await expectNotAccepted(await show(client, token, { role: roleOf(role) }));
    // Once, as text of the same making, it is served.
    const once = JSON.stringify({ ...claims, environment: "production" });
    const right = tokenOf(client, {}, { payload: once });
    await client.credentialsIn(await show(client, right, { role: roleOf("production") }));
  });
});

describe("a token that does not tell its job is none:", () => {
  test("whatever job the request names by its runner or its name (O-15)", async () => {
    const { job } = bench().newJob();
    const client = await bench().client(job);
    const claims = { check_run_id: undefined };
    for (const named of [{ id: job.id }, { runner_name: job.runnerName }, { name: job.name }])
      await expectNotAccepted(await ask(client, "by-token", claims, { job: named }));
  });
});
