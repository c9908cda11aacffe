import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  assertOf,
  type Claims,
  factsOf,
  identityOf,
  oidcInvalid,
  parseClaims,
  refOf,
} from "../../src/core/oidc-claims.ts";
import { defaultTags, evaluateTags } from "../../src/core/tags.ts";
import { claimsOf } from "../world/issuer/claims.ts";
import { code, goldenAsk, goldenCase, now } from "./golden.ts";

const seconds = Math.floor(now / 1_000);
const golden: Record<string, unknown> = {
  jti: "0f4b5b0e-0000-4000-8000-000000000001",
  iss: "https://token.actions.githubusercontent.com",
  aud: "https://broker.example.com#age1",
  ...claimsOf(goldenCase().job),
  iat: seconds,
  nbf: seconds - 300,
  exp: seconds + 300,
};
const claims = (change: object = {}): Claims => parseClaims({ ...golden, ...change });
const identity = (change: object = {}) => identityOf(claims(change));

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
const optional = ["job_workflow_ref", "job_workflow_sha", "environment"];
const times = ["iat", "exp"];

describe("O-12: a claim that a check needs is as GitHub writes it, or the token does not count:", () => {
  test.each([...ids, ...texts, ...times])("%s is not left out", (name) => {
    const { [name]: _, ...rest } = golden;
    expect(() => parseClaims(rest)).toThrow(code("oidc_invalid"));
  });

  const notText = fc.oneof(
    fc.constantFrom(null, "", true, false, 0, 1_001, {}, []),
    fc.double(),
    fc.array(fc.string()),
    fc.dictionary(fc.string(), fc.string()),
  );
  test.each([...ids, ...texts, ...optional])("%s is text that is not empty", (name) => {
    fc.assert(
      fc.property(notText, (value) => {
        expect(() => claims({ [name]: value })).toThrow(code("oidc_invalid"));
        expect(() => claims({ [name]: [golden[name]] })).toThrow(code("oidc_invalid"));
      }),
    );
  });

  test.each(ids)("%s is a plain decimal number below 2^53 (H-03, H-04)", (name) => {
    const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(id, (value) => {
        expect(Object.values(claims({ [name]: String(value) }))).toContain(value);
        const odd = [`0${value}`, ` ${value}`, `${value} `, `+${value}`, `-${value}`, `${value}.0`];
        for (const text of [...odd, `${value}e0`, `0x${value}`, `${value}\n`, `${value},1`])
          expect(() => claims({ [name]: text })).toThrow(code("oidc_invalid"));
      }),
    );
    for (const text of ["0", "9007199254740992", "9007199254740993", "１", "1e3", "NaN"])
      expect(() => claims({ [name]: text })).toThrow(code("oidc_invalid"));
  });

  test.each([...times, "nbf"])("%s is a whole number of seconds (O-06)", (name) => {
    const odd = fc.oneof(
      fc.double({ noInteger: true }),
      fc.constantFrom(null, true, "9999999999", String(seconds), 1e300, -1e300, [seconds], {}),
    );
    fc.assert(
      fc.property(odd, (value) => {
        expect(() => claims({ [name]: value })).toThrow(code("oidc_invalid"));
      }),
    );
  });

  test.each([
    ["repository", ["acme", "acme/", "/app", "acme/app/x", "acme/\u212App", "a b/c", "acme/app\n"]],
    ["ref_type", ["branch ", "Branch", "commit", "pull", "unknown"]],
    [
      "sha",
      [
        "0".repeat(39),
        "0".repeat(41),
        "G".repeat(40),
        "HEAD",
        `${"0".repeat(40)}\n`,
        `${"0".repeat(40)}${"x".repeat(24)}`,
      ],
    ],
  ])("%s of another shape is none", (name, values) => {
    for (const value of values)
      expect(() => claims({ [name]: value })).toThrow(code("oidc_invalid"));
  });

  test("what is not an object at all is none", () => {
    for (const payload of [null, undefined, "", 1, [], [golden], JSON.stringify(golden)])
      expect(() => parseClaims(payload)).toThrow(code("oidc_invalid"));
  });
});

test("O-04: whatever sub says, and whatever claims come besides, the token says the same", () => {
  const odd = fc.dictionary(
    fc.constantFrom("sub", "repository_owner", "head_ref", "base_ref", "workflow", "x", "amr"),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(odd, (more) => {
      expect(claims(more)).toEqual(claims());
    }),
  );
  expect(claims({ sub: "repo:evil/app:ref:refs/heads/main" })).not.toHaveProperty("sub");
});

test("the token of a job says of it what GitHub's REST API says, but for what it can't tell", () => {
  expect(identity()).toEqual({
    ...goldenCase().identify(),
    job: { id: 7_001, name: null },
    calledWorkflows: [],
  });
});

describe("the ref is the one of the kind that the token names (G-03):", () => {
  test.each([
    ["branch", "refs/heads/main", true],
    ["branch", "refs/pull/7/merge", true],
    ["tag", "refs/tags/main", true],
    ["branch", "refs/tags/main", false],
    ["tag", "refs/heads/main", false],
    ["tag", "refs/pull/7/merge", false],
    ["branch", "main", false],
    ["branch", "refs/heads", false],
    ["branch", " refs/heads/main", false],
    ["branch", "refs/remotes/origin/main", false],
  ])("%s %s: %s", (type, ref, fits) => {
    expect(refOf(claims({ ref_type: type, ref }))).toBe(fits ? ref : null);
  });
});

test("a commit's name has 40 digits, or 64", () => {
  for (const sha of ["a".repeat(40), "0".repeat(64)]) expect(claims({ sha }).sha).toBe(sha);
});

test.each([
  ["refs/heads/main", "main"],
  ["refs/tags/v1", "v1"],
  ["refs/heads/a/b", "a/b"],
  ["refs/pull/7/merge", null],
  ["x/refs/heads/main", null],
])("G-04: %s has the short name %j", (ref, short) => {
  expect(identity({ ref }).headBranch).toBe(short);
});

describe("the workflow is a file of this repository at the run's own ref (G-12):", () => {
  const file = ".github/workflows/deploy.yml";
  test.each([
    [`acme/app/${file}@refs/heads/main`, file],
    [`ACME/App/${file}@refs/heads/main`, file],
    [`acme/app/${file}@refs/heads/dev`, null],
    [`acme/app/${file}@refs/tags/main`, null],
    [`acme/app/${file}@main`, null],
    [`acme/other/${file}@refs/heads/main`, null],
    [`evil/acme/app/${file}@refs/heads/main`, null],
    [`acme/app/x/${file}@refs/heads/main`, null],
    ["acme/app/.github/workflows/../deploy.yml@refs/heads/main", null],
    ["acme/app/.GITHUB/workflows/deploy.yml@refs/heads/main", null],
    ["deploy", null],
  ])("%s: %s", (reference, workflow) => {
    expect(identity({ workflow_ref: reference }).workflow).toBe(workflow);
  });
});

describe("O-14: the workflow that holds the job's steps is told when it is another repository's:", () => {
  const called = "acme/ci/.github/workflows/deploy.yml@refs/heads/main";
  const sha = "a".repeat(40);
  test.each<[string, object, string[][]]>([
    ["the run's own", {}, []],
    ["its own, in another case", { job_workflow_ref: "ACME/App/.github/workflows/x.yml@v1" }, []],
    ["none", { job_workflow_ref: undefined }, []],
    [
      "another repository's, by ref and by commit",
      { job_workflow_ref: called, job_workflow_sha: sha },
      [[called, `acme/ci/.github/workflows/deploy.yml@${sha}`]],
    ],
    [
      "another's without its commit",
      { job_workflow_ref: called, job_workflow_sha: undefined },
      [[called]],
    ],
    [
      "a repository whose name begins like this one's",
      { job_workflow_ref: "acme/app2/.github/workflows/x.yml@v1", job_workflow_sha: undefined },
      [["acme/app2/.github/workflows/x.yml@v1"]],
    ],
  ])("%s", (_, change, expected) => {
    expect(identity(change).calledWorkflows).toEqual(expected);
  });
});

test("O-05: pull_request_target counts as a fork's, and of other pull requests the token does not tell", () => {
  expect(identity({ event_name: "pull_request_target" }).fork).toBe(true);
  for (const event of ["pull_request", "pull_request_review", "pull_request_review_comment"])
    expect(identity({ event_name: event }).fork).toBeNull();
  for (const event of ["push", "schedule", "workflow_dispatch"])
    expect(identity({ event_name: event }).fork).toBe(false);
});

test("G-07: who ran a run again is not known, and who started it is not taken for them", () => {
  expect(identity()).toMatchObject({ actor: "octocat", triggeringActor: "octocat" });
  expect(identity({ run_attempt: "2" })).toMatchObject({
    actor: "octocat",
    triggeringActor: null,
  });
});

test("an environment is what the token says, and none when it says none", () => {
  expect(identity({ environment: "production" }).environment).toBe("production");
  expect(identity().environment).toBeNull();
});

describe("O-11: token and request speak of one run and job:", () => {
  const ask = { ...goldenAsk, job: { id: 7_001 } };
  test("the same ones, in whatever case of the repository, with or without the job's id", () => {
    expect(() => assertOf(claims(), ask)).not.toThrow();
    expect(() => assertOf(claims(), { ...ask, repository: "ACME/App" })).not.toThrow();
    expect(() => assertOf(claims(), { ...ask, job: {} })).not.toThrow();
    expect(() => assertOf(claims(), { ...goldenAsk, job: { id: undefined } })).not.toThrow();
  });

  const number = fc.integer({ min: 1, max: 10_000 });
  test.each<[string, fc.Arbitrary<object>]>([
    [
      "repository",
      fc
        .constantFrom("acme/app2", "acme/ap", "evil/app", "acme/a\u212Ap", "")
        .map((repository) => ({ repository })),
    ],
    ["run", number.filter((id) => id !== 5_001).map((id) => ({ run_id: id }))],
    ["attempt", number.filter((id) => id !== 1).map((id) => ({ run_attempt: id }))],
    ["job", number.filter((id) => id !== 7_001).map((id) => ({ job: { id } }))],
  ])("another %s is refused", (_, changes) => {
    fc.assert(
      fc.property(changes, (change) => {
        expect(() => assertOf(claims(), { ...ask, ...change })).toThrow(
          code("oidc_invalid", {
            detail:
              "The OIDC token is not accepted: it is another run's or job's than the request names.",
          }),
        );
      }),
    );
  });
});

test("the facts for tags are spelled as REST spells them", () => {
  const [{ head_branch, head_sha, event, repository, actor }, [job]] = [
    goldenCase().runJson() as Record<string, Record<string, unknown>>,
    goldenCase().jobsJson(),
  ];
  const facts = factsOf(claims()) as { run: Record<string, unknown>; job: object };
  expect(facts.run).toMatchObject({ head_branch, head_sha, event, actor: { login: actor?.login } });
  expect(facts.run["repository"]).toEqual({
    id: repository?.id,
    full_name: "acme/app",
    name: "app",
    owner: { login: "acme" },
  });
  expect(job).toMatchObject(facts.job);
});

test("the default tags come of the token as they would of REST, but for the job's name and the author", () => {
  const tags = Object.fromEntries(
    evaluateTags(defaultTags, factsOf(claims())).map(({ key, value }) => [key, value]),
  );
  expect(tags).toEqual({
    "github:jobId": "7001",
    "github:runId": "5001",
    "github:run": String(golden.run_number),
    "github:commit": golden.sha,
    "github:repo": "acme/app",
  });
});

test("O-18: a refusal says which claim is wrong, and nothing of what the token holds", () => {
  const odd = fc.constantFrom(...ids, ...texts);
  fc.assert(
    fc.property(odd, fc.jsonValue(), (name, value) => {
      const canary = { canary: value, text: "canary-of-the-token" };
      try {
        claims({ [name]: canary });
        expect.unreachable();
      } catch (error) {
        expect(error).toMatchObject({ code: "oidc_invalid" });
        expect((error as Error).message).toContain(`claim ${name} `);
        expect(JSON.stringify(error)).not.toContain("canary");
      }
    }),
  );
  expect(oidcInvalid("it has expired").detail).toBe(
    "The OIDC token is not accepted: it has expired.",
  );
});
