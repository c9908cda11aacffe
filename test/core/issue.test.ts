import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planIssue, sessionName } from "../../src/core/issue.ts";
import { code, goldenCase, goldenIdentity, grantOf, roleArn, told } from "./golden.ts";

const golden = goldenCase();
const identity = golden.identify();
const facts = { run: golden.runJson(), job: golden.jobsJson()[0] };
const plan = (fields = {}, asked = {}): ReturnType<typeof planIssue> =>
  planIssue(grantOf(fields), identity, { role: roleArn, ...asked }, facts);

test("the golden case leads to this one call of AssumeRole", () => {
  const { tags, ...rest } = plan();
  expect(rest).toEqual({
    roleArn,
    sessionName: "a2a-1001-5001-1-7001",
    externalId: "acme/app",
    durationSeconds: 900,
    transitiveTagKeys: [],
    policy: undefined,
  });
  expect(tags).toHaveLength(7);
});

describe("A-08: how long the session lasts", () => {
  test.each([
    [{}, {}, 900],
    [{}, { duration_seconds: 3_600 }, 3_600],
    [{ max_duration: "15m" }, {}, 900],
    [{ max_duration: "12h" }, {}, 900],
    [{ max_duration: "12h" }, { duration_seconds: 43_200 }, 43_200],
  ])("with %j, asked for %j: %d s", (fields, asked, expected) => {
    expect(plan(fields, asked).durationSeconds).toBe(expected);
  });
});

describe("A-02: the external id", () => {
  test("is the repository as GitHub spells it, unless the grant has one of its own", () => {
    expect(plan().externalId).toBe("acme/app");
    expect(plan({ repository: "ACME/App" }).externalId).toBe("acme/app");
    expect(plan({ external_id: "ours" }).externalId).toBe("ours");
  });
});

describe("A-06, A-10: tags and session policy are the grant's, whole or not at all", () => {
  test("they are passed on as they are", () => {
    const policy = {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }],
    };
    const {
      tags,
      transitiveTagKeys,
      policy: json,
    } = plan({
      tags: { team: "run.repository.full_name", run: "run.id" },
      transitive_tags: ["team"],
      session_policy: policy,
    });
    expect(tags).toEqual([
      { key: "team", value: "acme/app" },
      { key: "run", value: "5001" },
    ]);
    expect(transitiveTagKeys).toEqual(["team"]);
    expect(JSON.parse(json ?? "")).toEqual(policy);
  });

  test.each([
    ["run.nothing", "the tag team has no text, number or boolean as its value"],
    ["run.repository", "the tag team has no text, number or boolean as its value"],
    ["length(run.id)", "a tag's expression failed"],
  ])("a tag of %s, which has no value, is refused", (expression, note) => {
    expect(() => plan({ tags: { team: expression, run: "run.id" } })).toThrow(
      code("no_grant", { fields: ["tags"], note, ...told }),
    );
  });
});

describe("A-07: a session's name", () => {
  const id = fc.maxSafeInteger().map((value) => Math.abs(value) + 1);

  test("is one that STS takes, up to the largest ids", () => {
    fc.assert(
      fc.property(
        id,
        id,
        fc.integer({ min: 1, max: 999_999_999 }),
        id,
        (repository, run, attempt, job) => {
          const name = sessionName(
            goldenIdentity({
              repository: { id: repository, name: "a/b" },
              run: { id: run, attempt, number: 1 },
              job: { id: job, name: "x" },
            }),
          );
          expect(name).toMatch(/^[\w+=,.@-]{2,64}$/);
          expect(name.split("-")).toEqual(["a2a", ...[repository, run, attempt, job].map(String)]);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("says nothing that anybody can choose", () => {
    const odd = goldenIdentity({ job: { id: 7_001, name: "x=1,admin" }, headBranch: "admin" });
    expect(sessionName(odd)).toBe("a2a-1001-5001-1-7001");
  });
});
