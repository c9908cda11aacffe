import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../scripts/bundle.ts";

interface Locked {
  readonly integrity?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lockfile = readFileSync(join(root, "package-lock.json"), "utf8");
const { packages } = JSON.parse(lockfile) as { packages: Readonly<Record<string, Locked>> };

test("the lockfile names no registry, so that any will do", () => {
  const named = Object.values(packages).flatMap(({ resolved }) => resolved ?? []);
  expect(named).toEqual([]);
});

test("every package is pinned by its contents", () => {
  const loose = Object.entries(packages).filter(([path, { integrity }]) => path && !integrity);
  expect(loose.map(([path]) => path)).toEqual([]);
});

// Without this `npm ci` fails on some machines, and only there.
test("the lockfile holds the tools for every platform", () => {
  const missing = ["oxlint", "oxfmt", "oxlint-tsgolint", "esbuild", "typescript"].flatMap(
    (tool) => {
      const wanted = packages[`node_modules/${tool}`]?.optionalDependencies ?? {};
      return Object.keys(wanted).filter((name) => !packages[`node_modules/${name}`]);
    },
  );
  expect(missing).toEqual([]);
});
