import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { root } from "../../scripts/bundle.ts";
import { packageFile, packagesInside } from "../../scripts/packages-inside.ts";

let notices: string[];

beforeAll(() => {
  execFileSync("npm", ["run", "notices"], { cwd: root });
  const text = readFileSync(join(root, "dist/THIRD-PARTY-NOTICES"), "utf8");
  notices = text.split(`\n${"-".repeat(80)}\n\n`);
});

test("each package inside the executable is named, with where it is from and its licence's text", async () => {
  const entries = notices.slice(1, -1);
  const folders = await packagesInside();
  expect(entries).toHaveLength(folders.length);
  for (const [index, folder] of folders.entries()) {
    const { name, version, license } = packageFile(folder);
    const [first, address, blank, ...text] = entries[index]?.split("\n") ?? [];
    expect(first).toBe(`${name} ${version} (${license})`);
    expect(address).toMatch(/^https?:\/\//);
    expect(blank).toBe("");
    expect(text.join("\n")).toMatch(/licen[cs]e|permission|redistribut/i);
  }
});

test("no licence is among them that forbids a program under MIT, or asks for its sources", () => {
  const names = notices
    .slice(1, -1)
    .map((entry) => /\((.*)\)$/m.exec(entry.split("\n")[0] ?? "")?.[1]);
  // MPL-2.0 asks for the sources of its own files, and the notices say where those are.
  const fine = [
    "MIT",
    "ISC",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BlueOak-1.0.0",
    "MPL-2.0",
    "0BSD",
  ];
  expect(names.filter((name) => !fine.includes(name ?? ""))).toEqual([]);
});

test("Node comes last, with the licences of what it is made of", () => {
  const node = notices.at(-1) ?? "";
  expect(node).toMatch(/^Node\.js 24\.\d+\.\d+ \(MIT\)\n/);
  for (const part of ["V8", "OpenSSL", "ICU", "libuv"]) expect(node).toContain(part);
});
