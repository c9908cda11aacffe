import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { root } from "../../scripts/bundle.ts";

// C-12: what builds and publishes the program. zizmor, in .ci/run, looks at more.

interface Workflow {
  permissions: unknown;
  jobs: Record<string, { permissions?: Record<string, string>; steps: { run?: string }[] }>;
}

const folder = join(root, ".github/workflows");
const files = readdirSync(folder);

describe.for(files)("%s", (file) => {
  const text = readFileSync(join(folder, file), "utf8");
  const workflow = parse(text) as Workflow;

  test("pins each action by its full commit, and says which version that is (C-12)", () => {
    const uses = text.split("\n").filter((line) => /\buses:/.test(line));
    expect(uses.length).toBeGreaterThan(0);
    const loose = uses.filter(
      (line) => !/uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line),
    );
    expect(loose).toEqual([]);
  });

  test("gives no job a permission that it does not name", () => {
    expect(workflow.permissions).toEqual({});
    expect(Object.values(workflow.jobs).filter((job) => !job.permissions)).toEqual([]);
  });

  test("runs no package's code where something can be signed or published", () => {
    const writing = Object.values(workflow.jobs).filter(({ permissions = {} }) =>
      Object.values(permissions).includes("write"),
    );
    const scripts = writing.flatMap(({ steps }) => steps.map(({ run = "" }) => run));
    expect(scripts.filter((run) => /\b(?:npm|npx|node)\b/.test(run))).toEqual([]);
  });
});

test("a release is attested, and has checksums and an SBOM (C-12)", () => {
  const text = readFileSync(join(folder, "release.yml"), "utf8");
  for (const part of [
    "attest-build-provenance@",
    "attest-sbom@",
    "sha256sum",
    "npm audit signatures",
  ])
    expect(text).toContain(part);
});
