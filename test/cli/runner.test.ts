import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { githubFile } from "../../src/cli/formats/github-file.ts";
import { addError, addMask, appendToCommandFile, fileCommand } from "../../src/cli/runner.ts";
import { temporaryFolder } from "./test-host.ts";

/** As the runner reads GITHUB_ENV (FileCommandManager of actions/runner). */
function readAsRunner(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (line === "") continue;
    const [name = "", delimiter = ""] = line.split("<<");
    const end = lines.indexOf(delimiter, at + 1);
    if (!line.includes("<<") || end === -1) throw new Error("the runner would refuse this file");
    found[name] = lines.slice(at + 1, end).join("\n");
    at = end;
  }
  return found;
}

test("the runner reads what was written", () => {
  const text = githubFile([
    ["AWS_ACCESS_KEY_ID", "ASIA"],
    ["AWS_SESSION_TOKEN", "a+/="],
  ]);
  expect(readAsRunner(text)).toEqual({ AWS_ACCESS_KEY_ID: "ASIA", AWS_SESSION_TOKEN: "a+/=" });
});

test("the delimiter is another one each time", () => {
  const [, first] = githubFile([["A", "x"]]).split("<<");
  const [, second] = githubFile([["A", "x"]]).split("<<");
  expect(first).not.toBe(second);
});

test("any value goes through, or is refused for holding the delimiter", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("D", "x", "\n", "<", "=") }), (value) => {
      if (value.includes("DD")) expect(() => fileCommand("A", value, "DD")).toThrow("delimiter");
      else expect(readAsRunner(fileCommand("A", value, "DD"))).toEqual({ A: value });
    }),
  );
});

describe("appending", () => {
  test.each([
    ["", "X=1\n"],
    ["OLD=1\n", "OLD=1\nX=1\n"],
    ["OLD=1", "OLD=1\nX=1\n"],
  ])("to %j", (before, after) => {
    const path = join(temporaryFolder(), "env");
    writeFileSync(path, before);
    appendToCommandFile("GITHUB_ENV", path, "X=1\n");
    expect(readFileSync(path, "utf8")).toBe(after);
  });

  test.each(["", "OLD=1\n", "OLD=1"])("to %j can be taken back", (before) => {
    const path = join(temporaryFolder(), "env");
    writeFileSync(path, before);
    appendToCommandFile("GITHUB_ENV", path, "X=1\n")();
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test("a file that is not there yet is made, private", () => {
    const path = join(temporaryFolder(), "env");
    appendToCommandFile("GITHUB_ENV", path, "X=1\n");
    expect(statSync(path).mode & 0o077).toBe(0);
  });

  test.each([
    ["a symbolic link", (path: string) => symlinkSync("/dev/null", path)],
    ["a folder", (path: string) => mkdirSync(path)],
    ["a FIFO", (path: string) => void spawnSync("mkfifo", [path])],
  ])("%s is refused", (_name, plant) => {
    const path = join(temporaryFolder(), "env");
    plant(path);
    expect(() => appendToCommandFile("GITHUB_ENV", path, "X=1\n")).toThrow(/GITHUB_ENV/);
  });
});

test.each([
  ["plain", "::add-mask::plain\n"],
  ["50%\r\n::x::", "::add-mask::50%25%0D%0A::x::\n"],
])("the mask of %j", (value, line) => {
  let text = "";
  addMask({ write: (more) => void (text += more) }, value);
  expect(text).toBe(line);
});

test("an error is one line, and whatever is in it no command", () => {
  let text = "";
  addError({ write: (more) => void (text += more) }, "50%\r\n::x::\u2028##[add-mask]y");
  expect(text).toBe("::error title=actions2aws::50%25 ::x:: # # [add-mask]y\n");
});
