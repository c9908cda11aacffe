import { describe, expect, test } from "vitest";
import { changed, checked, fileOf, grant, head, lineOf } from "./policy-text.ts";

const keysIn = (text: string): string[] =>
  [...text.matchAll(/^ *(?:- )?(\w+):/gm)].map(([, key = ""]) => key);
const grantKeys = keysIn(grant);
const keys = [...keysIn(head), ...grantKeys];

/** One slip of the finger in a name. */
function slips(key: string): string[] {
  const middle = Math.floor(key.length / 2);
  return [
    key.slice(1),
    `${key.slice(0, middle)}${key.slice(middle + 1)}`,
    `${key}s`,
    `${key.slice(0, middle)}x${key.slice(middle + 1)}`,
    `${key.slice(0, -2)}${key.at(-1)}${key.at(-2)}`,
    `${key[0]?.toUpperCase()}${key.slice(1)}`,
    key.replace(
      /[aeo]/,
      (letter) => ({ a: "\u0430", e: "\u0435", o: "\u043E" })[letter] ?? "\u0456",
    ),
    `"${key} "`,
    `${key}\u200B`,
  ].filter((slip) => !keys.includes(slip));
}

test("every key of the configuration is among those that are tried", () => {
  expect(keys).toHaveLength(34);
});

describe("a mistyped key is a fault on its line, so that no condition vanishes by it (P-01):", () => {
  test("in a grant", async () => {
    const typos = grantKeys.flatMap((key) => slips(key).map((slip) => ({ key, slip })));
    const grants = typos.map(({ key, slip }) =>
      changed(key, slip + lineOf(key, grant).slice(key.length)),
    );
    const { text, starts } = fileOf(grants.map((one) => one.text));
    const { exitCode, faults } = await checked(text);
    expect(exitCode).toBe(2);
    const told = new Set(faults.map(({ line, message }) => `${line}: ${message}`));
    const untold = typos.filter(({ slip }, index) => {
      const line = (starts[index] ?? 0) + (grants[index]?.at ?? 0);
      const name = JSON.stringify(slip.replaceAll('"', ""));
      return !told.has(`${line}: grants[${index}] has an unknown key: ${name}`);
    });
    expect(untold).toEqual([]);
    expect(typos.length).toBeGreaterThan(150);
  });

  test("above the grants", async () => {
    const lines = head.trimEnd().split("\n");
    const slipped = lines.flatMap((line) => {
      const [, indent = "", key = "", rest = ""] = /^( *)(\w+):(.*)$/.exec(line) ?? [];
      const opens = rest === "";
      return [...(opens ? [] : slips(key).map((slip) => `${indent}${slip}: x`)), line];
    });
    const inAudit = lines.map((line) => line.replace("file:", "fil:"));
    const { faults } = await checked(`${slipped.join("\n")}\n${grant}`);
    const expected = slipped.flatMap((line, index) => (line.endsWith(": x") ? [index + 1] : []));
    expect(expected.length).toBeGreaterThan(50);
    expect(faults.map(({ line }) => line)).toEqual(expect.arrayContaining(expected));
    expect(faults).toHaveLength(expected.length);
    for (const { message } of faults) expect(message).toMatch(/has an unknown key: /);
    const audit = await checked(`${inAudit.join("\n")}\n${grant}`);
    expect(audit.faults).toMatchObject([
      { line: inAudit.findIndex((line) => /fil:/.test(line)) + 1 },
    ]);
  });

  test.for(["github", "limits", "grants"])("of %s, which opens a block", async (key) => {
    for (const slip of slips(key).slice(0, 2)) {
      const { exitCode, faults } = await checked(`${head}${grant}`.replace(`${key}:`, `${slip}:`));
      expect(exitCode).toBe(2);
      expect(faults.map(({ message }) => message)).toContain(
        `has an unknown key: ${JSON.stringify(slip)}`,
      );
    }
  });
});

describe("a key that is left out", () => {
  const required = ["name", "repository", "step", "role"];

  test("is a fault where the grant can't do without it (P-01)", async () => {
    const grants = required.map((key) =>
      key === "name"
        ? grant.replace("- name: shop-deploy\n    repository", "- repository")
        : changed(key, null).text,
    );
    const { text, starts } = fileOf(grants);
    const { exitCode, faults } = await checked(text);
    expect(exitCode).toBe(2);
    expect(faults.map(({ line, message }) => [line, message.split(" is required")[0]])).toEqual(
      required.map((key, index) => [starts[index], `grants[${index}].${key}`]),
    );
  });

  test("is not checked, or has its default, where the grant can do without it (P-01)", async () => {
    const optional = grantKeys.filter((key) => !required.includes(key));
    // These two are named by another key, which has to go as well.
    const with2 = { tags: /\n *transitive_tags:.*/, proof: /\n *environment:.*/ };
    const grants = optional.map((key) => {
      const other = new Map(Object.entries(with2)).get(key) ?? /^$/;
      return changed(key, null).text.replace(other, "");
    });
    const { text } = fileOf(grants);
    const { exitCode, stdout, faults } = await checked(text);
    expect(faults).toEqual([]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`fine, ${optional.length} grants`);
  });

  test("is a fault where a token's grant needs it: public_url (O-01)", async () => {
    const text = fileOf([changed("proof", "proof: both").text]).text;
    const { exitCode, faults } = await checked(text.replace(/^public_url:.*\n/m, ""));
    expect(exitCode).toBe(2);
    expect(faults).toMatchObject([{ message: expect.stringContaining("needs public_url") }]);
  });

  test("is a fault where nothing is left: no grants, and no file", async () => {
    for (const text of ["", "grants: []\n", "grants:\n", "{}\n", head])
      expect((await checked(text)).exitCode).toBe(2);
  });
});

describe("a key that is there twice", () => {
  test("is a fault on the second line, whatever it says (P-01)", async () => {
    const lines = grant.trimEnd().split("\n");
    const doubled = fileOf(
      grantKeys.map((key, index) => {
        const again = key === "name" ? "    name: again" : `    ${lineOf(key, grant)}`;
        return `${lines.toSpliced(index + 1, 0, again).join("\n")}\n`;
      }),
    );
    const { exitCode, faults } = await checked(doubled.text);
    expect(exitCode).toBe(2);
    expect(faults).toEqual(
      grantKeys.map((_, index) => ({
        line: (doubled.starts[index] ?? 0) + index + 1,
        message: "Map keys must be unique",
      })),
    );
  });
});
