import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isProfileName,
  settingsOf,
  withoutSection,
  withSection,
} from "../../src/cli/profile-file.ts";

const settings = [
  ["credential_process", "/bin/x request"],
  ["region", "eu-west-1"],
] as const;
const section = "[deploy]\ncredential_process = /bin/x request\nregion = eu-west-1\n";

test.each<[name: string, before: string, after: string]>([
  ["no file", "", section],
  ["another profile", "[default]\na = b\n", `[default]\na = b\n\n${section}`],
  ["no line end at the end", "[default]\na = b", `[default]\na = b\n\n${section}`],
  ["its own section", "[deploy]\nold = 1\nolder = 2\n", section],
  [
    "between others",
    "[a]\nx=1\n\n[deploy]\nold=1\n\n[b]\ny=2\n",
    `[a]\nx=1\n\n${section}\n[b]\ny=2\n`,
  ],
  [
    "comments of the next",
    "[deploy]\nold=1\n\n# next\n; one\n[b]\n",
    `${section}\n# next\n; one\n[b]\n`,
  ],
  ["comments inside", "[deploy]\n# old\nold=1\n[b]\n", `${section}[b]\n`],
  ["twice", "[deploy]\nold=1\n[b]\ny=2\n[deploy]\nold=2\n[c]\n", `${section}[b]\ny=2\n[c]\n`],
  ["blanks in its header", "  [ deploy ] # x\nold=1\n", section],
  ["nested settings", "[deploy]\ns3 =\n  a = b\n[b]\n", `${section}[b]\n`],
  ["empty", "[deploy]\n[b]\nx=1\n", `${section}[b]\nx=1\n`],
  [
    "names that look alike",
    "[deploy2]\nx=1\n[profile deploy]\ny=2\n",
    `[deploy2]\nx=1\n[profile deploy]\ny=2\n\n${section}`,
  ],
  ["in a comment", "# [deploy]\n[a]\nx=1\n", `# [deploy]\n[a]\nx=1\n\n${section}`],
  ["bytes that are no UTF-8", "[a]\nx=\xff\xfe\x80\n", `[a]\nx=\xff\xfe\x80\n\n${section}`],
  ["other line ends", "[a]\r\nx=1\r\n", `[a]\r\nx=1\r\n\r\n${section.replaceAll("\n", "\r\n")}`],
])("%s", (_name, before, after) => {
  expect(withSection(before, "deploy", settings)).toBe(after);
});

const line = fc.oneof(
  fc.constantFrom(
    "[a]",
    "[deploy]",
    "[default]",
    " [deploy] ",
    "# c",
    "; c",
    "",
    "  ",
    "[profile x]",
  ),
  fc.string({ unit: fc.constantFrom(...Array.from("ab=# []\t\xff")), maxLength: 8 }),
  fc.constantFrom("x = 1", "aws_access_key_id=Y", "  nested = 2"),
);
const files = fc
  .tuple(fc.array(line, { maxLength: 12 }), fc.boolean())
  .map(([lines, ended]) => lines.join("\n") + (ended && lines.length > 0 ? "\n" : ""));

test("every other section stays as it is, and writing again changes nothing (C-19)", () => {
  fc.assert(
    fc.property(files, (before) => {
      const after = withSection(before, "deploy", settings);
      expect(Object.fromEntries(settingsOf(after, "deploy"))).toEqual(Object.fromEntries(settings));
      for (const name of ["a", "default", "profile x"]) {
        expect(settingsOf(after, name)).toEqual(settingsOf(before, name));
      }
      expect(withSection(after, "deploy", settings)).toBe(after);
      const at = after.indexOf("[deploy]");
      // Nothing but our section is new: the rest is the old file, less what was ours.
      const rest = after.slice(0, at) + after.slice(at + section.length);
      const lines = new Set(before.split("\n"));
      for (const each of rest.replaceAll("\r", "").split("\n"))
        expect([...lines].some((old) => old.replaceAll("\r", "") === each) || each === "").toBe(
          true,
        );
    }),
    { numRuns: 500 },
  );
});

test("a file without the section is kept byte for byte before it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      const before = text.replaceAll("deploy", "").replaceAll(/[\u0100-\uffff]/gu, "?");
      expect(withSection(before, "deploy", settings).startsWith(before)).toBe(true);
    }),
  );
});

describe("a section that is taken out again", () => {
  test("leaves the file as it was, but for an end of its last line", () => {
    fc.assert(
      fc.property(files, (before) => {
        fc.pre(!before.includes("deploy"));
        const after = withoutSection(withSection(before, "deploy", settings), "deploy", settings);
        expect(after).toBe(before === "" || before.endsWith("\n") ? before : `${before}\n`);
      }),
      { numRuns: 500 },
    );
  });

  test.each<[name: string, before: string, after: string | null]>([
    ["between others", `[a]\nx=1\n\n${section}\n[b]\ny=2\n`, "[a]\nx=1\n\n\n[b]\ny=2\n"],
    ["before a comment", `${section}# next\n[b]\n`, "# next\n[b]\n"],
    ["beside another of its name", `[deploy]\nold=1\n${section}`, "[deploy]\nold=1\n"],
    ["twice", `${section}${section}`, section],
    ["of no file", "", null],
    ["of others", "[deployment]\nx=1\n", null],
    ["changed since", `${section}x = 1\n`, null],
    ["with fewer settings", "[deploy]\ncredential_process = /bin/x request\n", null],
    ["with another value", section.replace("eu-west-1", "eu-west-2"), null],
  ])("%s", (_name, before, after) => {
    expect(withoutSection(before, "deploy", settings)).toBe(after);
  });
});

test.each(["deploy", "a-b_C9", "default", "x".repeat(64)])("%s is a name", (name) => {
  expect(isProfileName(name)).toBe(true);
});

test.each([
  "",
  " ",
  "a b",
  "a]",
  "[a",
  "a\n",
  "a\r",
  "a=b",
  "a;b",
  "a#b",
  "$(id)",
  "é",
  "..",
  "a/b",
  "a'b",
  "x".repeat(65),
  "\0",
])("%j is none", (name) => {
  expect(isProfileName(name)).toBe(false);
});
