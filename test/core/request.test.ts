import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  challengeRequest,
  credentialRequest,
  parseChallengeRequest,
  parseCredentialRequest,
  repositoryShape,
  roleShape,
  withoutToken,
} from "../../src/core/request.ts";
import { faultsIn, type JsonSchema } from "../server/json-schema.ts";
import { code, roleArn, told } from "./golden.ts";

const golden = {
  repository: "acme/app",
  run_id: 5_001,
  run_attempt: 1,
  job: { id: 7_001 },
  role: roleArn,
  public_key: "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef",
  ticket: "c1.t5k2x9.AbCdEfGhIjKlMnOp.0123456789abcdef.0123456789abcdef",
};
const { role: _role, ticket: _ticket, ...challenge } = golden;
const refused = code("invalid_request");
const parse = (change: object): unknown =>
  parseCredentialRequest(JSON.stringify({ ...golden, ...change }));
const parseHint = (change: object): unknown =>
  parseChallengeRequest(JSON.stringify({ ...challenge, ...change }));

test("a request whose token does not count is one without it", () => {
  const request = parseCredentialRequest(JSON.stringify({ ...golden, oidc_token: "x" }));
  expect(JSON.parse(JSON.stringify(withoutToken(request)))).toEqual({
    ...golden,
    proofs: { log: true, oidc: false },
  });
});

test("the golden requests are taken as they are", () => {
  const proofs = { log: true, oidc: false };
  expect(parse({})).toEqual({ ...golden, proofs });
  const full = { job: { id: 1, runner_name: "r", name: "n" }, step: "s", duration_seconds: 900 };
  expect(parse(full)).toEqual({ ...golden, ...full, proofs });
  expect(parseHint({ ref: "refs/heads/main" })).toEqual({ ...challenge, ref: "refs/heads/main" });
  const { job: _job, ...bare } = challenge;
  expect(parseChallengeRequest(JSON.stringify(bare))).toEqual(bare);
});

/** Names that a URL parser would fold into another, or that are no names at all. */
const traversals = [
  "acme/../evil/x",
  "acme/%2e%2e/evil/x",
  "acme/%2E%2E",
  "acme\\..\\evil",
  "acme/..",
  "acme/.",
  "../app",
  "./app",
  "acme/app?x=",
  "acme/app#x",
  "acme/app/",
  "/acme/app",
  "acme//app",
  "//evil/app",
  "acme/app/..",
  "acme",
  "",
  "/",
  "acme/",
  "/app",
  "ac\tme/app",
  "acme/ap\np",
  "acme/app\n",
  " acme/app",
  "acme/app ",
  "acme/a pp",
  "evil@host/app",
  "acme/app@v1",
  "acme:80/app",
  "acme/app;x",
  "acme/app%00",
  "acme/app\0",
  "https://evil/app",
  "acme/*",
  "*/app",
  "acme/аpp",
  "acme/app\u200B",
  "acme/\u212Aey",
  "acme/app\u2028",
  "a.b/app",
  `${"a".repeat(40)}/app`,
  `acme/${"a".repeat(101)}`,
];

describe("H-01, G-15: a repository is OWNER/NAME in ASCII", () => {
  test.each(traversals)("%j is refused", (repository) => {
    expect(() => parse({ repository })).toThrow(refused);
    expect(() => parseHint({ repository })).toThrow(refused);
  });

  test.each([
    "acme/app",
    "ACME/App",
    "a-b_c/d.e_f-g",
    "a/.github",
    "a/...",
    "0/0",
    `${"a".repeat(39)}/${"b".repeat(100)}`,
  ])("%s is taken", (repository) => {
    expect(parse({ repository })).toMatchObject({ repository });
  });

  test("whatever is taken stays what it is as part of a URL", () => {
    const character = fc.constantFrom(...Array.from("aZ0._-/%\\?#@:; \t\n\u212A"));
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 12 }), (repository) => {
        fc.pre(repositoryShape.test(repository));
        expect(new URL(`/repos/${repository}/actions`, "https://host").pathname).toBe(
          `/repos/${repository}/actions`,
        );
      }),
      { numRuns: 200, maxSkipsPerRun: 10_000 },
    );
  });
});

describe("H-03, H-04: ids are positive integers below 2^53, as numbers or as their decimal text", () => {
  const ids = ["run_id", "run_attempt"] as const;

  test.each([1, "1", 9_007_199_254_740_991, "9007199254740991", "123456"])("%j is taken", (id) => {
    for (const field of ids) expect(parse({ [field]: id })).toMatchObject({ [field]: Number(id) });
    expect(parse({ job: { id } })).toMatchObject({ job: { id: Number(id) } });
  });

  test.each([
    0,
    -1,
    2 ** 53,
    2 ** 53 + 2,
    "0",
    "-1",
    "+7",
    " 7 ",
    "7 ",
    "007",
    "1.0",
    "1e3",
    "0x10",
    "１２",
    "٣",
    "123abc",
    "",
    " ",
    "9007199254740992",
    "9007199254740993",
    "99999999999999999999",
    "1\n",
    "Infinity",
    "NaN",
    null,
    true,
    [1],
    {},
    ["1"],
  ])("%j is refused", (id) => {
    for (const field of ids) expect(() => parse({ [field]: id })).toThrow(refused);
    expect(() => parse({ job: { id } })).toThrow(refused);
    expect(() => parseHint({ run_id: id })).toThrow(refused);
  });

  test.each(["1.0", "1e3", "5001.0", "9007199254740993", "1.5"])(
    "the number %s is refused",
    (number) => {
      const body = JSON.stringify(golden).replace('"run_id":5001', `"run_id":${number}`);
      expect(body).toContain(number);
      expect(() => parseCredentialRequest(body)).toThrow(refused);
    },
  );
});

describe("A-01, A-09: a role is the ARN of an IAM role", () => {
  test.each([
    "arn:aws:iam::123456789012:role/a",
    "arn:aws-cn:iam::123456789012:role/a",
    "arn:aws-us-gov:iam::123456789012:role/a",
    "arn:aws:iam::123456789012:role/path/to/a",
    "arn:aws:iam::123456789012:role/a+=,.@_-b",
    `arn:aws-aaaaaaaaaa-b-c:iam::123456789012:role/${"a".repeat(576)}`,
  ])("%s is taken", (role) => {
    expect(parse({ role })).toMatchObject({ role });
  });

  test.each([
    "arn:aws:iam::123456789012:user/a",
    "arn:aws:iam::123456789012:root",
    "arn:aws:sts::123456789012:assumed-role/a/b",
    "arn:aws:iam::12345678901:role/a",
    "arn:aws:iam::1234567890123:role/a",
    "arn:aws:iam::１２３４５６７８９０１２:role/a",
    "ARN:aws:iam::123456789012:role/a",
    "arn:aws:iam::123456789012:role/",
    "arn:aws:iam::123456789012:role/a ",
    "arn:aws:iam::123456789012:role/a\n",
    "arn:aws:iam:us-east-1:123456789012:role/a",
    "arn:aws:iam::123456789012:role/*",
    "arn:evil:iam::123456789012:role/a",
    "xarn:aws:iam::123456789012:role/a",
    "arn:aws-:iam::123456789012:role/a",
    "arn:aws-aaaaaaaaaaa:iam::123456789012:role/a",
    "arn:aws-a-b-c-d:iam::123456789012:role/a",
    "arn:awsx:iam::123456789012:role/a",
    `arn:aws:iam::123456789012:role/${"a".repeat(577)}`,
    "arn:aws:iam::aws:role/a",
    "a",
    "",
  ])("%j is refused", (role) => {
    expect(() => parse({ role })).toThrow(refused);
  });
});

describe("H-05, H-06, H-07: fields are known, once there and of their type", () => {
  const fields = Object.keys(golden) as (keyof typeof golden)[];

  test("one proof is required, and both may be given", () => {
    expect(() => parse({ ticket: undefined })).toThrow(code("invalid_request", told));
    expect(parse({ ticket: undefined, oidc_token: "x" })).toMatchObject({
      proofs: { log: false, oidc: true },
    });
    expect(parse({ oidc_token: "x" })).toMatchObject({ proofs: { log: true, oidc: true } });
  });

  test.each(fields.filter((field) => field !== "ticket"))("%s is required", (field) => {
    expect(() => parse({ [field]: undefined })).toThrow(
      code("invalid_request", { detail: expect.stringMatching(`^${field}: `) }),
    );
  });

  test.each(fields)("%s is of its own type alone", (field) => {
    const other = typeof golden[field] === "number" ? {} : 7;
    for (const value of [null, true, other, [golden[field]], { value: golden[field] }, ""]) {
      expect(() => parse({ [field]: value })).toThrow(refused);
    }
  });

  test.each([
    "host",
    "server_url",
    "Repository",
    "REPOSITORY",
    "oidc_tokens",
    "__proto__",
    "constructor",
    "tags",
    "toString",
    "",
  ])("G-21: %j is not a field", (field) => {
    const body = (fieldsOf: object): string =>
      JSON.stringify(fieldsOf).replace(/\}$/, `,${JSON.stringify(field)}:{"admin":true}}`);
    expect(() => parseCredentialRequest(body(golden))).toThrow(refused);
    expect(() => parseChallengeRequest(body(challenge))).toThrow(refused);
    expect(() => parse({ job: JSON.parse(body({ id: 1 })) })).toThrow(refused);
    expect({}).not.toHaveProperty("admin");
  });

  test.each<[string, object]>([
    ["the longest names", { job: { name: "x".repeat(512), runner_name: "y".repeat(512) } }],
    ["the longest step and proofs", { step: "x".repeat(512), ticket: "x".repeat(512) }],
    ["the longest token", { oidc_token: "x".repeat(8_192) }],
    ["the shortest texts", { job: { name: "x", runner_name: "y" }, step: "z", ticket: "t" }],
    ["the shortest session", { duration_seconds: 900 }],
    ["the longest session", { duration_seconds: 43_200 }],
  ])("%s are taken", (_, change) => {
    expect(parse(change)).toMatchObject(change);
  });

  test.each([
    [{ run_id: "0" }, "run_id: must be a positive integer below 2^53."],
    [{ run_attempt: 2 ** 53 }, "run_attempt: must be a positive integer below 2^53."],
    [{ job: { id: "x" } }, "job.id: must be a positive integer below 2^53."],
    [{ repository: "acme" }, "repository: must be OWNER/NAME."],
    [{ role: "x" }, "role: must be the ARN of an IAM role."],
    [{ public_key: "x" }, "public_key: must be an age X25519 recipient, age1…."],
    [{ job: {} }, "job: must name the job by id, runner_name or name."],
    [{ job: { more: 1 } }, "job has a field that is not known here."],
    [{ more: 1 }, "the body has a field that is not known here."],
  ])("%j is told: %s", (change, detail) => {
    expect(() => parse(change)).toThrow(code("invalid_request", { detail }));
  });

  test.each<[string, object]>([
    ["an empty job", { job: {} }],
    ["a job by name as an array", { job: { name: ["deploy"] } }],
    ["a name of 513 characters", { job: { name: "x".repeat(513) } }],
    ["an empty runner name", { job: { runner_name: "" } }],
    ["a step as a list", { step: ["assume role"] }],
    ["too short a session", { duration_seconds: 899 }],
    ["too long a session", { duration_seconds: 43_201 }],
    ["a session without end", { duration_seconds: 1_000_000_000 }],
    ["a session as text", { duration_seconds: "900" }],
    ["a session backwards", { duration_seconds: -900 }],
    ["an endless ticket", { ticket: "c".repeat(513) }],
    ["O-13: an endless token", { oidc_token: "c".repeat(8_193) }],
    ["a token of another kind", { oidc_token: ["x"] }],
    ["L-24: a key in capitals", { public_key: golden.public_key.toUpperCase() }],
    ["L-24: another kind of key", { public_key: "age1yubikey1q2w3e" }],
  ])("%s is refused", (_, change) => {
    expect(() => parse(change)).toThrow(refused);
  });

  test("H-14: a refusal names the field and never quotes the caller", () => {
    const canaries = [
      { repository: "canary canary" },
      { role: "canary" },
      { public_key: "canary" },
      { canary: 1 },
      { job: { canary: 1 } },
      { run_id: "canary" },
      { duration_seconds: "canary" },
      { step: { canary: 1 } },
    ];
    for (const change of canaries) {
      expect(() => parse(change)).toThrow(
        code("invalid_request", { detail: expect.not.stringContaining("canary") }),
      );
    }
  });
});

describe("the schema of a body, for the API's description,", () => {
  const schemas: [string, z.ZodType, object][] = [
    ["challenges", challengeRequest, challenge],
    ["credentials", credentialRequest, golden],
  ];

  test.each(schemas)("of %s says of each field what it is", (_, schema) => {
    const { properties } = z.toJSONSchema(schema, { io: "input" });
    const outer = properties as Record<string, JsonSchema>;
    const fields = { ...outer, ...(outer["job"]?.["properties"] as Record<string, JsonSchema>) };
    for (const [name, { description }] of Object.entries(fields))
      expect(`${name}: ${String(description)}`).toMatch(/: [A-Z].*[.:].*$/);
  });

  test.each(schemas)("of %s takes what is taken, and no other", (_, schema, body) => {
    const faults = (change: object): string[] =>
      faultsIn(z.toJSONSchema(schema, { io: "input" }), { ...body, ...change });
    for (const change of [{}, { run_id: "5001" }, { job: { id: 1, name: "x" } }])
      expect(faults(change)).toEqual([]);
    for (const change of [
      { repository: "acme" },
      { run_id: 0 },
      { run_id: "0" },
      { run_attempt: 2 ** 53 },
      { run_attempt: 1.5 },
      { job: { id: -1 } },
      { job: { name: "" } },
      { job: { runner_name: "x".repeat(513) } },
      { public_key: golden.public_key.toUpperCase() },
      { more: 1 },
    ])
      expect(faults(change), JSON.stringify(change)).not.toEqual([]);
  });

  test("asks for a job and a proof", () => {
    const schema = z.toJSONSchema(credentialRequest, { io: "input" });
    expect(faultsIn(schema, { ...golden, job: {} })).not.toEqual([]);
    expect(faultsIn(schema, { ...challenge, role: roleArn })).not.toEqual([]);
    expect(faultsIn(schema, { ...challenge, role: roleArn, oidc_token: "x" })).toEqual([]);
  });
});

test("the shapes are of whole texts", () => {
  for (const text of ["x/acme/app", "acme/app/x", "acme/app\n"])
    expect(text).not.toMatch(repositoryShape);
  for (const text of [`x${roleArn}`, `${roleArn}\n`, `${roleArn}*`])
    expect(text).not.toMatch(roleShape);
});
