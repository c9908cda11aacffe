import type { World } from "../world/index.ts";

export const role = "arn:aws:iam::123456789012:role/app-deploy";

/** Limits that no number of cases in a row meets, however fast the machine is. */
export const wideLimits = {
  limits: { per_address: "9000000/m", per_repository: "9000000/m", per_run: "9000000/m" },
} as const;

/** A grant as the operator writes it. */
export type Grant = Readonly<Record<string, unknown>>;

/** The golden grant: whatever else a file's broker allows, this must go on working. */
const goldenGrant = {
  name: "app-deploy",
  repository: "acme/app",
  repository_id: 1001,
  workflow: ".github/workflows/deploy.yml",
  ref: "refs/heads/main",
  event: ["push", "workflow_dispatch"],
  job: ["deploy", "test (*)"],
  step: ["assume role"],
  role: [role],
  max_duration: "1h",
} as const satisfies Grant;

/** A role of its own for each grant beside the golden one, so that a test chooses the grant by the role. */
export function roleOf(name: string): string {
  return `arn:aws:iam::123456789012:role/${name}`;
}

/** The golden grant, changed in some fields; undefined takes a field away. */
export function grantLike(name: string, changes: Grant): Grant {
  return { ...goldenGrant, name, role: [roleOf(name)], ...changes };
}

/** The configuration file; JSON, which is YAML too. */
export function configuration(
  world: World,
  auditFile: string,
  grants: readonly Grant[],
  settings: object = {},
): string {
  const { github, issuer } = world;
  return JSON.stringify(
    {
      github: { server_url: github.webUrl, api_url: github.apiUrl, oidc_issuer: issuer.url },
      audit: { file: auditFile },
      ...settings,
      grants: [goldenGrant, ...grants],
    },
    undefined,
    2,
  );
}
