import { ConfigError, parseConfig } from "../../src/server/config.ts";

/** The faults of a configuration as `LINE: message`; none when it loads. */
export function faultsOf(text: string): string[] {
  try {
    parseConfig(text);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ line, message }) => `${line}: ${message}`);
  }
}

/** A configuration with every key that there is, one a line. */
export const fullConfig = `github:
  server_url: https://github.com
  api_url: https://api.github.com
  oidc_issuer: https://token.actions.githubusercontent.com
public_url: https://broker.example.com
trusted_proxies: [10.0.0.0/8]
store: memory
audit: { file: /var/log/actions2aws/audit.jsonl }
limits:
  per_address: 60/m
  per_repository: 120/m
  per_run: 30/m
grants:
  - name: shop-deploy
    repository: acme/shop
    repository_id: 1296269
    workflow: [.github/workflows/deploy.yml]
    ref: [refs/heads/main]
    event: [push, workflow_dispatch]
    job: [deploy]
    step: [assume role]
    reusable_workflow: [acme/ci/.github/workflows/deploy.yml@refs/heads/main]
    actor: [octocat]
    environment: [production]
    proof: either
    forks: false
    legacy: false
    role: [arn:aws:iam::123456789012:role/shop-deploy]
    max_duration: 1h
    max_age: 24h
    external_id: acme/shop
    tags: { "github:repo": run.repository.full_name }
    transitive_tags: ["github:repo"]
    session_policy: { Version: "2012-10-17" }
`;

/** The number of the first line that holds the text. */
export function lineOf(text: string, needle: string): number {
  return text.slice(0, text.indexOf(needle)).split("\n").length;
}

/** The number of the line that holds a key, and the configuration with that line changed. */
export function withLine(key: string, line: string | null): { line: number; text: string } {
  const lines = fullConfig.split("\n");
  const at = lines.findIndex((entry) => new RegExp(`^\\s*(?:- )?${key}:`).test(entry));
  if (at < 0) throw new Error(`no line for ${key}`);
  const indent = /^\s*(?:- )?/.exec(lines[at] ?? "")?.[0] ?? "";
  const changed = lines.toSpliced(at, 1, ...(line === null ? [] : [indent + line]));
  return { line: at + 1, text: changed.join("\n") };
}
