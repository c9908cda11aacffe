import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { EnvironmentError } from "../../src/server/environment-error.ts";
import { takeSecret } from "../../src/server/secrets.ts";
import { makeFolder } from "./folder.ts";

function secretFile(text: string): string {
  const path = join(makeFolder(), "secret");
  writeFileSync(path, text);
  return path;
}

describe("a secret comes from the environment", () => {
  test("by its name, and is gone from there", () => {
    const environment = { TOKEN: "canary", OTHER: "x" };
    expect(takeSecret(environment, "TOKEN")?.reveal()).toBe("canary");
    expect(environment).toEqual({ OTHER: "x" });
  });

  test.each(["canary", "canary\n", "canary\r\n", "  canary\n"])(
    "or from the file that NAME_FILE names: %j",
    (text) => {
      const environment = { TOKEN_FILE: secretFile(text) };
      expect(takeSecret(environment, "TOKEN")?.reveal()).toBe("canary");
    },
  );

  test.each([[{}], [{ TOKEN: "" }], [{ TOKEN_FILE: "" }]])("or not at all: %j", (environment) => {
    expect(takeSecret(environment, "TOKEN")).toBeUndefined();
  });

  test("an empty file is none", () => {
    expect(takeSecret({ TOKEN_FILE: secretFile("\n") }, "TOKEN")).toBeUndefined();
  });
});

describe("F-14: a fault is told without the secret", () => {
  test("both are given", () => {
    const environment = { TOKEN: "canary", TOKEN_FILE: secretFile("canary") };
    expect(() => takeSecret(environment, "TOKEN")).toThrow(
      "TOKEN and TOKEN_FILE are both set: give one of them",
    );
    expect(environment.TOKEN).toBeUndefined();
  });

  test("the file is not there, or is a folder", () => {
    for (const [path, reason] of [
      ["/nowhere/x", "ENOENT"],
      [makeFolder(), "EISDIR"],
    ]) {
      const taking = (): unknown => takeSecret({ TOKEN_FILE: path }, "TOKEN");
      expect(taking).toThrow(EnvironmentError);
      expect(taking).toThrow(`TOKEN_FILE can't be read (${reason}): ${path}`);
    }
  });
});
