import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryShape, roleShape } from "../../../src/core/request.ts";
import { type Config, ConfigError, parseConfig } from "../../../src/server/config.ts";
import { PlainYaml } from "../../../src/server/plain-yaml.ts";
import type { Target } from "../target.ts";

const examples = join(import.meta.dirname, "../../../examples");
const grant = `grants:
  - { name: a, repository: acme/app, step: assume role, role: "arn:aws:iam::123456789012:role/app-*" }
`;

/** The configuration with its grants: all of it is understood as it stands there, or none of it. */
export function openConfig(): Target {
  return {
    seeds: [
      grant,
      readFileSync(join(examples, "broker.yml"), "utf8"),
      readFileSync(join(examples, "broker.full.yml"), "utf8"),
    ],
    words: [
      "- ",
      ": ",
      "? ",
      "|\n",
      ">-\n",
      "{",
      "}",
      "[",
      "]",
      ",",
      "#",
      "&a ",
      "*a",
      "!!str ",
      "<<: ",
    ]
      .concat("---\n", "...\n", "%YAML 1.1\n", "'", '"', "~", "yes", "0o7", "0x1F", ".inf", "1_000")
      .concat(
        "github:",
        "grants:",
        "role:",
        "ref:",
        "tags:",
        "proof: oidc",
        "forks: true",
        "*",
        "**",
      )
      .concat(
        "public_url: https://broker.example.com",
        "refs/heads/",
        "arn:aws:iam::123456789012:role/",
      )
      .concat("session_policy:", "max_duration: 1h", "store: redis://localhost:6379", "limits:"),
    run(input) {
      // The operator's own, and more than anybody writes: each fault in it costs some time.
      const text = input.toString("utf8", 0, 100_000);
      const config = configOf(text);
      if (config === null) return;
      for (const { repository, role, event } of config.policy.grants) {
        assert.match(repository.source.replace("/*", "/x").replaceAll("*", "x"), repositoryShape);
        assert(!repository.source.split("/")[0]?.includes("*"));
        for (const { source } of role) assert.match(source.replaceAll("*", "x"), roleShape);
        assert(event.length > 0);
      }
      // What JSON says of it is the same to everybody.
      const again = configOf(JSON.stringify(new PlainYaml(text).value));
      assert.deepEqual(plain(again), plain(config));
    },
  };
}

/** Null for what has faults, each with a line of the file. */
function configOf(text: string): Config | null {
  try {
    return parseConfig(text);
  } catch (error) {
    assert(error instanceof ConfigError, error as Error);
    const lines = text.split(/\r\n|\n|\r/).length;
    assert(error.faults.length > 0);
    for (const { line, message } of error.faults) {
      assert(line >= 1 && line <= lines, `line ${line} of ${lines}`);
      assert.match(message, /^[^\n]+$/);
    }
    return null;
  }
}

function plain(config: Config | null): unknown {
  return JSON.parse(JSON.stringify({ ...config, hash: "" })) as unknown;
}
