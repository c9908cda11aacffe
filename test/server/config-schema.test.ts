import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../scripts/bundle.ts";
import { configSchema } from "../../src/server/config-schema.ts";
import { PlainYaml } from "../../src/server/plain-yaml.ts";
import { faultsOf, fullConfig, withLine } from "./faults.ts";
import { faultsIn, type JsonSchema } from "./json-schema.ts";

const schema = configSchema();
const examples = readdirSync(join(root, "examples")).filter((name) => name.endsWith(".yml"));

function told(text: string): string[] {
  return faultsIn(schema, new PlainYaml(text).value);
}

test("the file is current; if not, `npm run schema` makes it so", () => {
  const file = readFileSync(join(root, "schema/broker.schema.json"), "utf8");
  expect(file).toBe(`${JSON.stringify(schema, null, 2)}\n`);
});

test("every key has a description, and nothing of ours is left that editors do not know", () => {
  const members = membersIn(schema, "");
  expect(members.length).toBeGreaterThan(30);
  const undescribed = members.filter(([, member]) => !member["description"]);
  expect(undescribed.map(([path]) => path)).toEqual([]);
  expect(JSON.stringify(schema)).not.toContain("oneOrMore");
});

test.each(examples)("examples/%s names the schema, fits it, and loads", (name) => {
  const text = readFileSync(join(root, "examples", name), "utf8");
  expect(text).toMatch(/^# yaml-language-server: \$schema=\.\.\/schema\/broker\.schema\.json\n/);
  expect(told(text)).toEqual([]);
  expect(faultsOf(text)).toEqual([]);
});

test("a configuration with every key fits", () => {
  expect(told(fullConfig)).toEqual([]);
  expect(faultsOf(fullConfig)).toEqual([]);
});

describe("the schema takes what the broker takes, and no other:", () => {
  const good = [
    "server_url: http://127.0.0.1:8080",
    "server_url: http://[::1]/x",
    "api_url: https://g.io/api/v3",
    "public_url: https://broker.example.com/base/",
    "trusted_proxies: []",
    "trusted_proxies: [10.0.0.1, '::1/128', '2001:db8::/32']",
    "audit: stdout",
    "per_run: 1/s",
    "store: redis://localhost:6379",
    "store: dynamodb:actions2aws",
    "repository: acme/*",
    "repository: acme/shop-*",
    "repository: a/.github",
    "ref: refs/tags/v*",
    "workflow: .github/workflows/a b.yaml",
    "event: push",
    "job: 'release / deploy (*)'",
    "step: x",
    "role: arn:aws-us-gov:iam::123456789012:role/a/b/c-*",
    "role: arn:aws:iam::123456789012:role/*-x",
    "max_duration: 900s",
    "max_duration: 12h",
    "forks: true",
    "proof: both",
    "proof: oidc",
    "tags: {}",
    "tags: { 'a b': job.name }",
    "actor: [a, b]",
    "external_id: x2",
  ];
  const bad = [
    "server_url: http://github.com",
    "server_url: https://a@b.io",
    "api_url: https://g.io/?x",
    "api_url: ftp://g.io",
    "api_url: ''",
    "public_url: 7",
    "trusted_proxies: [example.com]",
    "trusted_proxies: 10.0.0.0/8",
    "store: mysql://x",
    "audit: stderr",
    "audit: {}",
    "audit: { file: '' }",
    "per_run: 0/m",
    "per_run: 60/d",
    "per_run: 60",
    "name: 'a b'",
    "name: ''",
    "repository: acme",
    "repository: '*/shop'",
    "repository: acme/shop/x",
    "repository: acme/..",
    "repository_id: 0",
    "repository_id: 1.5",
    "workflow: deploy.yml",
    "workflow: []",
    "ref: main",
    "ref: [refs/heads/main, dev]",
    "event: Push",
    "event: []",
    "job: ''",
    "step: 'a*'",
    "step: []",
    "reusable_workflow: x",
    "actor: '*'",
    "environment: ''",
    "proof: none",
    "forks: 'yes'",
    "legacy: 1",
    "role: shop",
    "role: []",
    "role: arn:aws:iam::*:role/x",
    "role: arn:aws:iam::123456789012:role/*",
    "max_duration: 1d",
    "role: arn:aws:iam::123456789012:role/a**",
    "role: arn:aws:iam::123456789012:role/*/x",
    "max_duration: 3600",
    "external_id: x",
    "tags: { 'aws:x': job.id }",
    "tags: []",
    "transitive_tags: []",
    "session_policy: '{}'",
    "more: 1",
    'job: "a\\u202eb"',
    'step: "a\\nb"',
  ];

  test.each(good)("good: %s", (line) => {
    const { text } = withLine(keyOf(line), line);
    expect(faultsOf(free(text))).toEqual([]);
    expect(told(free(text))).toEqual([]);
  });

  test.each(bad)("bad: %s", (line) => {
    const key = keyOf(line) === "more" ? "external_id" : keyOf(line);
    const { text } = withLine(key, line);
    expect(faultsOf(free(text))).not.toEqual([]);
    expect(told(free(text))).not.toEqual([]);
  });

  test.each<[string, string]>([
    ["no grants", fullConfig.slice(0, fullConfig.indexOf("grants:"))],
    [
      "an empty list of grants",
      `${fullConfig.slice(0, fullConfig.indexOf("grants:"))}grants: []\n`,
    ],
    ["a grant without a role", withLine("role", null).text],
    ["a grant for the log proof without a step", withLine("step", null).text],
    ["an environment without the OIDC proof", withLine("proof", "proof: log").text],
    [
      "a grant for tokens in a broker without an address",
      withLine("public_url", null).text.replace("proof: either", "proof: both"),
    ],
  ])("bad: %s", (_, text) => {
    expect(faultsOf(text)).not.toEqual([]);
    expect(told(text)).not.toEqual([]);
  });
});

function keyOf(line: string): string {
  return line.slice(0, line.indexOf(":"));
}

/** Changed tags must not leave a transitive one without its tag. */
function free(text: string): string {
  return /tags: \{ "github:repo"/.test(text) || /transitive_tags: \[\]/.test(text)
    ? text
    : text.replace(/^ +transitive_tags:.*\n/m, "");
}

function membersIn(node: unknown, path: string): [string, JsonSchema][] {
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]: [string, unknown]) => {
    if (["if", "then", "else", "contains", "allOf"].includes(key)) return [];
    const here = `${path}/${key}`;
    const own: [string, JsonSchema][] =
      path.endsWith("/properties") || path === "/properties" ? [[here, value as JsonSchema]] : [];
    return [...own, ...membersIn(value, here)];
  });
}
