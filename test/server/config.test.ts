import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/server/config.ts";
import { faultsOf, fullConfig, lineOf, withLine } from "./faults.ts";

/** The sample in the contract, but for the one grant field that its own words refuse: see below. */
const sample = `github:
  server_url: https://github.com        # GHES: its own
  api_url: https://api.github.com
  oidc_issuer: https://token.actions.githubusercontent.com
public_url: https://broker.example.com  # OIDC audience; base path allowed
trusted_proxies: [10.0.0.0/8]           # whose X-Forwarded-For counts; none by default
store: memory                           # or redis://…, rediss://…, dynamodb:TABLE
audit: { file: /var/log/actions2aws/audit.jsonl }   # or stdout (default)
limits: { per_address: 60/m, per_repository: 120/m, per_run: 30/m }
grants:                                 # nothing is allowed that no grant allows
  - name: shop-deploy
    repository: acme/shop               # or acme/*; the owner is never a pattern
    repository_id: 1296269              # optional, guards against renames
    workflow: .github/workflows/deploy.yml
    ref: refs/heads/main                # or a list; * stays within a path segment, ** crosses
    event: [push, workflow_dispatch]
    job: deploy                         # the job's display name
    step: [assume role]                 # whose log may carry the announcement
    reusable_workflow: [acme/ci/.github/workflows/deploy.yml@refs/heads/main]
    actor: [octocat]                    # optional; the triggering actor
    environment: production             # optional; needs the OIDC proof
    proof: both                         # log, oidc, either, both
    forks: false                        # true: a run from a fork may have this role
    legacy: false                       # true: the original's clients may have this role
    role: [arn:aws:iam::123456789012:role/shop-deploy]   # exact, or * within the name
    max_duration: 1h
    external_id: acme/shop              # default: the repository, as in the original
    tags: { "github:repo": run.repository.full_name }    # JMESPath over {run, job}
    transitive_tags: ["github:repo"]
    session_policy: { … }               # optional, inline JSON
`;

describe("the contract's sample", () => {
  test("loads, and every line of it is taken over", () => {
    const config = parseConfig(sample);
    expect(config).toMatchObject({
      github: { serverUrl: "https://github.com", apiUrl: "https://api.github.com" },
      publicUrl: "https://broker.example.com",
      trustedProxies: ["10.0.0.0/8"],
      auditFile: "/var/log/actions2aws/audit.jsonl",
      limits: {
        perAddress: { points: 60, seconds: 60 },
        perRepository: { points: 120, seconds: 60 },
        perRun: { points: 30, seconds: 60 },
      },
    });
    const [grant] = config.policy.grants;
    expect(grant).toMatchObject({
      name: "shop-deploy",
      repositoryId: 1_296_269,
      workflow: [".github/workflows/deploy.yml"],
      event: ["push", "workflow_dispatch"],
      step: ["assume role"],
      reusableWorkflow: ["acme/ci/.github/workflows/deploy.yml@refs/heads/main"],
      actor: ["octocat"],
      environment: ["production"],
      proof: "both",
      forks: false,
      legacy: false,
      maxDurationSeconds: 3_600,
      externalId: "acme/shop",
      transitiveTags: ["github:repo"],
    });
    expect(grant?.ref?.map(({ source }) => source)).toEqual(["refs/heads/main"]);
    expect(grant?.tags.map(({ key }) => key)).toEqual(["github:repo"]);
    expect(Object.isFrozen(grant)).toBe(true);
  });

  test("G-19: with proof: log, as the contract has it, its environment can't be proved", () => {
    expect(faultsOf(sample.replace("proof: both", "proof: log"))).toEqual([
      expect.stringMatching(/^21: grants\[0\]\.environment can only be proved by OIDC/),
    ]);
  });
});

const least = `grants: [{ name: a, repository: acme/app, step: s, role: "arn:aws:iam::123456789012:role/r" }]`;

describe("what is left out has the contract's default", () => {
  test("of the broker", () => {
    expect(parseConfig(least)).toMatchObject({
      github: { serverUrl: "https://github.com", apiUrl: "https://api.github.com" },
      publicUrl: undefined,
      trustedProxies: [],
      auditFile: undefined,
    });
    expect(parseConfig(`audit: stdout\n${least}`).auditFile).toBeUndefined();
  });

  test("of a grant", () => {
    const [grant] = parseConfig(least).policy.grants;
    expect(grant).toMatchObject({
      proof: "log",
      forks: false,
      legacy: false,
      maxDurationSeconds: 3_600,
      reusableWorkflow: [],
    });
    expect(grant?.event).toEqual(["push", "workflow_dispatch", "schedule"]);
    expect(grant?.tags.map(({ key }) => key)).toHaveLength(7);
    for (const field of [
      "repositoryId",
      "workflow",
      "ref",
      "job",
      "actor",
      "environment",
      "externalId",
      "sessionPolicy",
    ] as const) {
      expect(grant?.[field]).toBeUndefined();
    }
  });

  test.each([
    ["https://github.example.com", "https://github.example.com/api/v3"],
    ["https://github.com/", "https://api.github.com"],
  ])("the API of %s is at %s", (server, api) => {
    expect(parseConfig(`github: { server_url: "${server}" }\n${least}`).github.apiUrl).toBe(api);
  });

  test("P-06: the hash is of the file's own bytes", () => {
    const { hash } = parseConfig(least);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(parseConfig(`${least}\n`).hash).not.toBe(hash);
  });
});

const keys = [...fullConfig.matchAll(/^\s*(?:- )?(\w+):/gm)].map(([, key = ""]) => key);

describe("P-01: a typing mistake never widens a grant", () => {
  test("the configuration with every key loads", () => {
    expect(faultsOf(fullConfig)).toEqual([]);
    expect(keys).toHaveLength(34);
  });

  test.each(keys)("%s, misspelt, is an unknown key on its line", (key) => {
    for (const wrong of [`${key}s`, key.slice(1), key.toUpperCase(), `${key.slice(0, -1)}_`]) {
      const rest =
        /:(.*)/.exec(
          fullConfig
            .split("\n")
            .find((entry) => entry.trim().replace("- ", "").startsWith(`${key}:`)) ?? "",
        )?.[1] ?? "";
      const { line, text } = withLine(key, `${wrong}:${rest}`);
      expect(faultsOf(text)).toContainEqual(
        expect.stringMatching(`^${line}: .*has an unknown key: "${wrong}"$`),
      );
    }
  });

  test.each([
    ["grants", /^1: grants is required$/],
    ["repository", /^14: grants\[0\]\.repository is required$/],
    ["role", /^14: grants\[0\]\.role is required$/],
    ["step", /^14: grants\[0\]\.step is required for the log proof/],
  ])("%s, removed, is required", (key, expected) => {
    const { text } = withLine(key, null);
    const without = key === "grants" ? text.replace(/ {2}- name[\s\S]*/, "") : text;
    expect(faultsOf(without)).toEqual([expect.stringMatching(expected)]);
  });

  test("name, removed, is required", () => {
    const text = fullConfig.replace("  - name: shop-deploy\n    repository", "  - repository");
    expect(faultsOf(text)).toEqual(["14: grants[0].name is required"]);
  });
});

describe("a value of the wrong kind is told in an operator's words:", () => {
  test.each([
    ["audit: /var/log/audit.jsonl", "audit must be stdout or { file: PATH }"],
    ["audit: { path: /var/log/audit.jsonl }", "audit must be stdout or { file: PATH }"],
    ["limits: { per_address: 60 }", "limits.per_address must be a rate such as 60/m"],
    ["limits: 60/m", "limits must be keys with values"],
    ["github: https://github.example.com", "github must be keys with values"],
    ["trusted_proxies: 10.0.0.0/8", "trusted_proxies must be a list"],
    ["public_url: 7", "public_url must be text"],
    ["store: [memory]", "store must be text"],
  ])("%s", (line, fault) => {
    expect(faultsOf(`${line}\n${least}`)).toEqual([`1: ${fault}`]);
  });

  test.each([
    ["grants: { name: shop }", "1: grants must be a list"],
    ["grants: [shop]", "1: grants[0] must be keys with values"],
  ])("%s", (text, fault) => {
    expect(faultsOf(text)).toEqual([fault]);
  });
});

const lists = [
  "trusted_proxies",
  "workflow",
  "ref",
  "event",
  "job",
  "step",
  "reusable_workflow",
  "actor",
  "environment",
  "role",
  "transitive_tags",
];

describe("P-04: an empty list is never read as any", () => {
  test.each(lists.filter((key) => key !== "trusted_proxies"))("%s", (key) => {
    for (const value of [
      "[]",
      "",
      "~",
      "null",
      "[null]",
      '""',
      '[""]',
      "[[]]",
      "{}",
      "7",
      "true",
      "[[x]]",
    ]) {
      const { line, text } = withLine(key, `${key}: ${value}`);
      expect(faultsOf(text)).toEqual(
        expect.arrayContaining([expect.stringMatching(`^${line}: grants\\[0\\]\\.${key}`)]),
      );
    }
  });

  test.each([
    ["https://Broker.Example.COM/", "https://broker.example.com"],
    ["https://broker.example.com:443/Base/", "https://broker.example.com/Base"],
    ["https://broker.example.com:8443", "https://broker.example.com:8443"],
  ])("public_url %s is the audience %s, as a client writes it", (written, audience) => {
    const text = `public_url: ${written}\ngrants:\n  - { name: a, repository: acme/app, step: s, role: "arn:aws:iam::123456789012:role/a" }\n`;
    expect(parseConfig(text).publicUrl).toBe(audience);
  });

  test.each(["github", "public_url", "trusted_proxies", "store", "audit", "limits", "grants"])(
    "%s, null",
    (key) => {
      const text = `${fullConfig.replace(new RegExp(`^${key}:.*\\n(?:  .*\\n)*`, "m"), "")}${key}: ~\n`;
      const line = text.trimEnd().split("\n").length;
      expect(faultsOf(text)).toEqual([expect.stringMatching(`^${line}: ${key} `)]);
    },
  );

  test("no grants at all", () => {
    expect(faultsOf("grants: []")).toEqual([
      expect.stringMatching(/^1: grants must hold at least one grant/),
    ]);
  });
});

describe("a value of the wrong kind is a fault on its line", () => {
  test.each([
    ["server_url", "http://github.com"],
    ["server_url", "https://user:pass@github.com"],
    ["server_url", "https://github.com/?x"],
    ["server_url", "https://github.com/#x"],
    ["server_url", "ftp://github.com"],
    ["server_url", "github.com"],
    ["api_url", "http://169.254.169.254"],
    ["public_url", "javascript:alert(1)"],
    ["trusted_proxies", "10.0.0.0/8"],
    ["trusted_proxies", "[all]"],
    ["trusted_proxies", "[10.0.0.0/33]"],
    ["trusted_proxies", '["::/129"]'],
    ["trusted_proxies", "[999.0.0.0/8]"],
    ["trusted_proxies", "[10.0.0]"],
    ["store", "none"],
    ["store", "redis://"],
    ["store", "redis://localhost/0?tls=no"],
    ["store", "dynamodb:"],
    ["audit", "{ file: '' }"],
    ["audit", "{ path: /x }"],
    ["audit", "stderr"],
    ["per_address", "60"],
    ["per_address", "0/m"],
    ["per_run", "60/d"],
    ["per_run", "-1/m"],
    ["name", "7"],
    ["name", "''"],
    ["name", "a b"],
    ["repository", "acme"],
    ["repository", "acme/shop/x"],
    ["repository", "acme/.."],
    ["repository", "acme/ⅿain"],
    ["repository_id", '"1296269"'],
    ["repository_id", "-1"],
    ["repository_id", "0"],
    ["repository_id", "9007199254740993"],
    ["workflow", "deploy.yml"],
    ["workflow", ".github/workflows/sub/deploy.yml"],
    ["workflow", ".github/workflows/deploy.yml@main"],
    ["ref", "main"],
    ["ref", "refs/heads/"],
    ["ref", "heads/main"],
    ["event", "[Push]"],
    ["event", "['']"],
    ["job", "[7]"],
    ["job", "{ name: deploy }"],
    ["reusable_workflow", "[.github/workflows/x.yml@main]"],
    ["reusable_workflow", "[acme/ci/.github/workflows/x.yml]"],
    ["proof", "none"],
    ["proof", "[log]"],
    ["proof", "false"],
    ["forks", "no"],
    ["forks", "'false'"],
    ["forks", "0"],
    ["legacy", "yes"],
    ["role", "arn:aws:iam::123456789012:user/x"],
    ["role", "arn:aws:iam::123456789012:root"],
    ["role", "arn:aws:sts::123456789012:assumed-role/x/y"],
    ["role", '" arn:aws:iam::123456789012:role/x"'],
    ["max_duration", "14m"],
    ["max_duration", "13h"],
    ["max_duration", "3600"],
    ["max_duration", "1d"],
    ["max_duration", "1h30m"],
    ["max_age", "14m"],
    ["max_age", "121h"],
    ["external_id", "x"],
    ["external_id", "a b"],
    ["tags", "[team]"],
    ["tags", "{ 'aws:x': run.id }"],
    ["tags", "{ team: 'run.[' }"],
    ["tags", "{ Team: run.id, team: run.id }"],
    ["tags", "{ 'a*b': run.id }"],
    ["transitive_tags", "[other]"],
    ["session_policy", "'{}'"],
  ])("%s: %s", (key, value) => {
    const { line, text } = withLine(key, `${key}: ${value}`);
    expect(faultsOf(text)).toEqual(expect.arrayContaining([expect.stringMatching(`^${line}: `)]));
  });

  test("A-10: a session policy that STS would find too long", () => {
    const { line, text } = withLine(
      "session_policy",
      `session_policy: { x: ${"y".repeat(2_048)} }`,
    );
    expect(faultsOf(text)).toEqual([expect.stringMatching(`^${line}: .*2,048`)]);
  });
});

describe("P-03, A-01: patterns stand where the contract has them, and nowhere else", () => {
  test.each([
    ["repository", "acme/*"],
    ["repository", "acme/shop-*"],
    ["ref", "refs/heads/release/*"],
    ["ref", "refs/tags/**"],
    ["job", '"test (*)"'],
    ["role", "arn:aws:iam::123456789012:role/shop-*"],
    ["role", "arn:aws:iam::123456789012:role/path/*-deploy"],
  ])("%s: %s", (key, value) => {
    expect(faultsOf(withLine(key, `${key}: ${value}`).text)).toEqual([]);
  });

  test.each([
    ["repository", '"*/shop"'],
    ["repository", "acm*/shop"],
    ["repository", '"**"'],
    ["ref", '"**"'],
    ["ref", "refs/*/main"],
    ["workflow", ".github/workflows/*.yml"],
    ["event", '"*"'],
    ["step", '"assume *"'],
    ["reusable_workflow", "acme/*/.github/workflows/x.yml@main"],
    ["reusable_workflow", "acme/ci/.github/workflows/x.yml@*"],
    ["role", '"*"'],
    ["role", "arn:aws:iam::123456789012:role/*"],
    ["role", "arn:aws:iam::123456789012:role/**"],
    ["role", "arn:aws:iam::123456789012:role/***"],
    ["role", "arn:aws:iam::123456789012:role/**-deploy"],
    ["role", "arn:aws:iam::123456789012:role/*/deploy"],
    ["role", "arn:aws:iam::*:role/deploy"],
    ["role", "arn:*:iam::123456789012:role/deploy"],
  ])("not %s: %s", (key, value) => {
    const { line, text } = withLine(key, `${key}: ${value}`);
    expect(faultsOf(text)).toEqual([expect.stringMatching(`^${line}: grants\\[0\\]\\.${key}`)]);
  });
});

describe("G-16: text that could pass for another", () => {
  test.each(["\u200B", "\u202E", "\u00AD", "\uFEFF", "\u2028", "\u0007"])(
    "%j in a pinned name is a fault",
    (character) => {
      for (const key of ["job", "step", "actor", "environment", "ref"]) {
        const value = key === "ref" ? "refs/heads/ma" : "a";
        const { line, text } = withLine(
          key,
          `${key}: ${JSON.stringify(value + character).replace(character, `\\u${character.codePointAt(0)?.toString(16).padStart(4, "0")}`)}`,
        );
        expect(faultsOf(text)).toEqual([expect.stringMatching(`^${line}: .*invisible`)]);
      }
    },
  );
});

test("all faults are told at once, each on its line", () => {
  const text = fullConfig
    .replace("store: memory", "stor: memory")
    .replace("per_run: 30/m", "per_run: often")
    .replace("proof: either", "proof: maybe")
    .replace("forks: false", "fork: false")
    .concat("  - name: second\n    repository: '*/x'\n");
  const expected = [
    [lineOf(text, "stor:"), "has"],
    [lineOf(text, "per_run:"), "limits.per_run"],
    [lineOf(text, "proof:"), "grants[0].proof"],
    [lineOf(text, "fork:"), "grants[0]"],
    [lineOf(text, "name: second"), "grants[1].role"],
    [lineOf(text, "'*/x'"), "grants[1].repository"],
  ];
  const found = faultsOf(text).map((fault) => fault.split(" ", 2).join(" "));
  expect(found.toSorted()).toEqual(expected.map(([line, where]) => `${line}: ${where}`).toSorted());
});

test("two grants of one name are a fault", () => {
  const [, grant = ""] = /grants:\n([\s\S]*)/.exec(fullConfig) ?? [];
  const line = fullConfig.split("\n").length;
  expect(faultsOf(fullConfig + grant)).toEqual([`${line}: grants[1].name is taken already`]);
});

test("a configuration in JSON is one as well, and its faults have lines", () => {
  const json = JSON.stringify(
    {
      grants: [
        { name: "a", repository: "acme/app", step: "s", role: "arn:aws:iam::123456789012:role/r" },
      ],
    },
    null,
    2,
  );
  expect(faultsOf(json)).toEqual([]);
  expect(faultsOf(json.replace("acme/app", "*/app"))).toEqual([
    "5: grants[0].repository the owner is never a pattern",
  ]);
});
