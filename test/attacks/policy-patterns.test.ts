import { describe, expect, test } from "vitest";
import { changed, checked, fileOf } from "./policy-text.ts";

const arn = "arn:aws:iam::123456789012:role";
const fine: [key: string, value: string][] = [
  ["repository", "acme/*"],
  ["repository", "acme/shop-*"],
  ["ref", "refs/heads/release/*"],
  ["ref", "refs/heads/**"],
  ["ref", "refs/tags/v*"],
  ["job", "'test (*)'"],
  ["job", "'**'"],
  ["role", `${arn}/shop-*`],
  ["role", `${arn}/path/*-deploy`],
];
const refused: [key: string, value: string][] = [
  ["repository", "'*/shop'"],
  ["repository", "acm*/shop"],
  ["repository", "'*/*'"],
  ["repository", "'**'"],
  ["repository", "'*'"],
  ["repository", "acme/**/shop"],
  ["ref", "'**'"],
  ["ref", "'*'"],
  ["ref", "refs/*/main"],
  ["ref", "refs/**"],
  ["ref", "main"],
  ["ref", "heads/main"],
  ["ref", "/refs/heads/main"],
  ["ref", "refs/heads/"],
  ["workflow", ".github/workflows/*.yml"],
  ["workflow", "'**'"],
  ["workflow", "deploy.yml"],
  ["workflow", ".github/workflows/deploy.yml@refs/heads/main"],
  ["event", "'*'"],
  ["event", "pull_*"],
  ["step", "'assume *'"],
  ["actor", "'*'"],
  ["actor", "'octo*'"],
  ["environment", "'prod*'"],
  ["reusable_workflow", "acme/*/.github/workflows/x.yml@refs/heads/main"],
  ["reusable_workflow", "acme/ci/.github/workflows/*.yml@refs/heads/main"],
  ["reusable_workflow", "acme/ci/.github/workflows/x.yml@*"],
  ["reusable_workflow", "acme/ci/.github/workflows/x.yml"],
  ["role", "'*'"],
  ["role", `${arn}/*`],
  ["role", `${arn}/**`],
  ["role", `${arn}/**-deploy`],
  ["role", `${arn}/*/deploy`],
  ["role", "arn:aws:iam::*:role/deploy"],
  ["role", "arn:aws:iam::12345678901*:role/deploy"],
  ["role", "arn:*:iam::123456789012:role/deploy"],
  ["role", "arn:aws:iam::123456789012:*/deploy"],
];

describe("a pattern stands where it may, and nowhere else (P-03):", () => {
  test("in names of repositories, refs, jobs, and in names of roles", async () => {
    const { text } = fileOf(fine.map(([key, value]) => changed(key, `${key}: ${value}`).text));
    const { exitCode, faults, stderr } = await checked(text);
    expect([exitCode, faults]).toEqual([0, []]);
    // Each repository that a pattern fits is told of, and no other.
    const warned = stderr
      .split("\n")
      .filter((line) => line.includes("its repository is a pattern"));
    expect(warned.map((line) => /grant (g\d+):/.exec(line)?.[1])).toEqual(["g0", "g1"]);
  });

  test("never for an owner, an account, a path, a file, an event, a step or a person", async () => {
    const grants = refused.map(([key, value]) => changed(key, `${key}: ${value}`));
    const { text, starts } = fileOf(grants.map((grant) => grant.text));
    const { exitCode, faults } = await checked(text);
    expect(exitCode).toBe(2);
    const taken = refused.filter(([key], index) => {
      const line = (starts[index] ?? 0) + (grants[index]?.at ?? 0);
      return !faults.some(
        (fault) => fault.line === line && fault.message.startsWith(`grants[${index}].${key}`),
      );
    });
    expect(taken).toEqual([]);
  });

  test("the owner is never a pattern, and the fault says so", async () => {
    const { text } = fileOf([changed("repository", "repository: acm*/shop").text]);
    const { faults } = await checked(text);
    expect(faults).toMatchObject([
      { message: "grants[0].repository the owner is never a pattern" },
    ]);
  });
});
