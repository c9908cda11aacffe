import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { root } from "../../scripts/bundle.ts";

interface Sbom {
  bomFormat: string;
  metadata: { component: { type: string; name: string } };
  components: { name: string; version: string; purl: string; hashes: unknown[] }[];
}

let sbom: Sbom;

beforeAll(() => {
  execFileSync("npm", ["run", "sbom"], { cwd: root });
  sbom = JSON.parse(readFileSync(join(root, "dist/actions2aws.cdx.json"), "utf8")) as Sbom;
});

function packageFile(name: string): Record<string, Record<string, string>> {
  const text = readFileSync(join(root, name), "utf8");
  return JSON.parse(text) as Record<string, Record<string, string>>;
}

test("the SBOM names every package that the executable is made of, and Node", () => {
  expect(sbom).toMatchObject({
    bomFormat: "CycloneDX",
    metadata: { component: { type: "application", name: "actions2aws" } },
  });
  const { dependencies = {}, devDependencies = {} } = packageFile("package.json");
  const direct = Object.entries({ ...dependencies, node: devDependencies.node });
  const found = new Map(sbom.components.map(({ name, version }) => [`${name}@${version}`, true]));
  expect(direct.filter(([name, version]) => !found.has(`${name}@${version}`))).toEqual([]);
});

test("the SBOM tells the contents of each by its hash, and names no tool that stays outside", () => {
  for (const { purl, hashes } of sbom.components) {
    expect(purl).toMatch(/^pkg:npm\//);
    expect(hashes).not.toEqual([]);
  }
  const names = sbom.components.map(({ name }) => name);
  expect(names.filter((name) => ["vitest", "typescript", "esbuild"].includes(name))).toEqual([]);
});
