import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../scripts/bundle.ts";

// The table in SECURITY.md says of each attack what happens, and where that is tested. It has to be true.

const sizes = { G: 27, L: 24, H: 26, R: 9, A: 17, O: 18, C: 19, F: 21, P: 7 };
const ids = Object.entries(sizes).flatMap(([group, size]) =>
  Array.from({ length: size }, (_, index) => `${group}-${String(index + 1).padStart(2, "0")}`),
);
const anyId = new RegExp(String.raw`\b[${Object.keys(sizes).join("")}]-\d\d\b`, "g");

/** The last cell begins so when there is no test. */
const untested = /^(?:not testable here|stays): \S/;

const rows = readFileSync(join(root, "SECURITY.md"), "utf8")
  .split("\n")
  .flatMap((line) => {
    const [, id, attack, outcome, where] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    return id && ids.includes(id) ? [{ id, attack, outcome, where: where ?? "" }] : [];
  });

test("the table has each attack once", () => {
  expect(rows.map(({ id }) => id)).toEqual(ids);
  expect(rows.filter(({ attack, outcome }) => !attack || !outcome)).toEqual([]);
});

describe("each attack is tested where the table says, or the table says why not:", () => {
  test.for(rows)("$id", ({ id, where }) => {
    const files = [...where.matchAll(/\]\((test\/[^)]+\.ts)\)/g)].map(([, file]) => String(file));
    if (files.length === 0) expect(where).toMatch(untested);
    for (const file of files) {
      expect(existsSync(join(root, file)), file).toBe(true);
      expect(readFileSync(join(root, file), "utf8"), file).toContain(id);
    }
  });
});

test("no test names an attack that the table does not have", () => {
  const files = globSync("test/**/*.ts", { cwd: root });
  const named = files.flatMap((file) => readFileSync(join(root, file), "utf8").match(anyId) ?? []);
  expect([...new Set(named)].filter((id) => !ids.includes(id))).toEqual([]);
});
