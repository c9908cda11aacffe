import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { placeIdentity } from "../../src/cli/identity-path.ts";
import { temporaryFolder } from "./test-host.ts";

const everything = { ACTIONS2AWS_IDENTITY: "/e/key", RUNNER_TEMP: "/t", HOME: "/h" };

test.each([
  ["--identity first", "/o/key", everything, "/o/key", false],
  ["then the environment", undefined, everything, "/e/key", false],
  [
    "then RUNNER_TEMP",
    undefined,
    { ...everything, ACTIONS2AWS_IDENTITY: "" },
    "/t/actions2aws/identity",
    true,
  ],
  ["then HOME", undefined, { HOME: "/h" }, "/h/.actions2aws/key", true],
] as const)("%s", (_name, option, env, path, ownFolder) => {
  expect(placeIdentity(option, env)).toEqual({ path, ownFolder, warning: null });
});

test("without any of them it is said what to do", () => {
  expect(() => placeIdentity(undefined, {})).toThrow(/--identity/);
  expect(() => placeIdentity("", everything)).toThrow(/--identity is empty/);
});

describe("inside the workspace (C-09)", () => {
  test("a path by default or from the environment is refused", () => {
    const workspace = temporaryFolder();
    for (const env of [
      { RUNNER_TEMP: join(workspace, "tmp") },
      { HOME: workspace },
      { ACTIONS2AWS_IDENTITY: join(workspace, "..", workspace.split("/").at(-1) ?? "", "key") },
    ]) {
      expect(() => placeIdentity(undefined, { ...env, GITHUB_WORKSPACE: workspace })).toThrow(
        /workspace/,
      );
    }
  });

  test("a symbolic link to it does not hide it", () => {
    const folder = temporaryFolder();
    const workspace = join(folder, "workspace");
    mkdirSync(workspace);
    symlinkSync(workspace, join(folder, "elsewhere"));
    const env = {
      RUNNER_TEMP: join(folder, "elsewhere", "not", "there"),
      GITHUB_WORKSPACE: workspace,
    };
    expect(() => placeIdentity(undefined, env)).toThrow(/workspace/);
  });

  test("--identity is the user's choice, and is warned of", () => {
    const workspace = temporaryFolder();
    const place = placeIdentity(join(workspace, "key"), { GITHUB_WORKSPACE: workspace });
    expect(place.warning).toContain("workspace");
  });

  test("a neighbour with the same beginning is not inside", () => {
    const workspace = temporaryFolder();
    expect(
      placeIdentity(undefined, { HOME: `${workspace}-2`, GITHUB_WORKSPACE: workspace }).warning,
    ).toBeNull();
    expect(
      placeIdentity(undefined, { HOME: join(workspace, ".."), GITHUB_WORKSPACE: workspace })
        .warning,
    ).toBeNull();
  });
});
