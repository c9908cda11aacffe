import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { bodyOf, codeOf, type Fields, goodRequest, send, taken } from "../harness/requests.ts";
import { roleOf, wideLimits } from "../harness/config.ts";

const bench = useBench({ attacks: true, settings: wideLimits });

test("a prototype in the body changes neither this request nor the next (H-06)", async () => {
  const poison = '{"forks":true,"role":["x"],"legacy":true,"decision":"allowed","job":{"id":1}}';
  const keys = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"];
  expect(
    await taken(bench(), [
      ...keys.map(
        (key) => (fields: Fields) => `{"${key}":${poison},${JSON.stringify(fields).slice(1)}`,
      ),
      ...keys.map(
        (key) => (fields: Fields) =>
          JSON.stringify(fields).replace('"job":{', `"job":{"${key}":${poison},`),
      ),
      (fields) => `{"constructor":{"prototype":${poison}},${JSON.stringify(fields).slice(1)}`,
      // What is missing is not taken from a prototype of the caller's.
      ({ run_id: id, ...rest }) =>
        `{"__proto__":{"run_id":${String(id)}},${JSON.stringify(rest).slice(1)}`,
    ]),
  ).toEqual([]);
  const client = await bench().client();
  const reply = await client.attempt({ role: roleOf("nothing") });
  expect(bodyOf(reply)).toMatchObject({ code: "role_not_granted", fields: ["role"] });
});

test("a prototype in GitHub's answer stands in for nothing that is missing (H-06)", async () => {
  const { job } = bench().newJob();
  const client = await bench().client(job);
  const { api } = bench().world.github;
  const poisoned = api.transform(
    ({ head_repository: head, ...run }) =>
      JSON.parse(
        `{"__proto__":${JSON.stringify({ head_repository: head })},${JSON.stringify(run).slice(1)}`,
      ) as Record<string, unknown>,
    { match: new RegExp(`/runs/${job.run.id}$`) },
  );
  const reply = await client.attempt();
  poisoned.remove();
  expect(reply.status).toBe(403);
  await bench().expectDenied(reply, "fork", ["forks"]);
});

describe("a value of another type is not made to fit (H-07):", () => {
  const wrong: readonly ((value: unknown) => unknown)[] = [
    () => null,
    () => true,
    () => 1.5,
    () => [],
    () => ({}),
    (value) => [value],
    (value) => ({ value }),
    (value) => ({ toString: value, valueOf: value }),
    (value) => JSON.stringify(value),
    (value) => [[value]],
  ];
  /** Another text may be right, or wrong for what it says; and a challenge needs no word of the job. */
  const wrongFor = (field: string, value: unknown): unknown[] =>
    wrong
      .map((make) => make(value))
      .filter((made) => typeof made !== "string" || field === "duration_seconds")
      .filter((made) => JSON.stringify(made) !== "{}" || field !== "job");

  test.for(["repository", "run_id", "run_attempt", "public_key", "job"])("%s", async (field) => {
    expect(
      await taken(
        bench(),
        wrong.map((_, at) => (fields) => {
          const values = wrongFor(field, fields[field]);
          return { ...fields, [field]: values[at % values.length] };
        }),
      ),
    ).toEqual([]);
  });

  test.for([
    ["role", roleOf("app-deploy")],
    ["ticket", "x"],
    ["step", "assume role"],
    ["duration_seconds", 900],
    ["oidc_token", "x"],
  ] as const)("%s", async ([field, value]) => {
    const { fields } = await goodRequest(bench());
    const replies = await Promise.all(
      wrongFor(field, value).map((made) =>
        send(bench(), "/v1/credentials", { ...fields, [field]: made }),
      ),
    );
    expect(replies.filter((reply) => codeOf(reply) !== "invalid_request")).toEqual([]);
    expect(bench().asked).toEqual([]);
    expect(bench().world.sts.journal).toEqual([]);
  });

  test("renewal_token", async () => {
    const client = await bench().client();
    const { RenewalToken: token } = await client.obtain();
    const replies = await Promise.all(
      wrongFor("renewal_token", token).map((made) =>
        send(bench(), "/v1/renewals", { renewal_token: made }),
      ),
    );
    expect(new Set(replies.map(codeOf))).toEqual(new Set(["invalid_request"]));
    expect(bench().world.sts.assumed).toHaveLength(1);
    await expect(client.credentialsIn(await client.renew(token))).resolves.toBeDefined();
  });
});
