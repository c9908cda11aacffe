import { describe, expect, test } from "vitest";
import { changed, checked, fileOf, grant, head } from "./policy-text.ts";

/** Sees that each of these lines, in a grant of its own, is a fault of its key on its line; gives those that are not. */
async function unrefused(lines: readonly (readonly [key: string, value: string])[]) {
  const grants = lines.map(([key, value]) => changed(key, `${key}: ${value}`));
  const { text, starts } = fileOf(grants.map((one) => one.text));
  const { exitCode, faults } = await checked(text);
  expect(exitCode).toBe(2);
  return lines.filter(([key], index) => {
    const line = (starts[index] ?? 0) + (grants[index]?.at ?? 0);
    const place = `grants[${index}].${key}`;
    return !faults.some((fault) => fault.line === line && fault.message.startsWith(place));
  });
}

const times = <A, B>(some: readonly A[], others: readonly B[]): [A, B][] =>
  some.flatMap((one) => others.map((other): [A, B] => [one, other]));

const lists = [
  "workflow",
  "ref",
  "event",
  "job",
  "step",
  "reusable_workflow",
  "actor",
  "environment",
  "role",
  "transitive_tags",
];
const texts = ["name", "repository", "proof", "max_duration", "max_age", "external_id"];
const nothing = ["[]", "", "~", "null", "Null", '""', "''", "{}", "# none"];

describe("what is empty is never read as any, nor what is of another kind as text:", () => {
  test("a list that holds nothing, or nothing that is text, is a fault on its line (P-04)", async () => {
    const poor = ["[~]", "[null]", '[""]', "[[]]", "[{}]", "7", "[7]", "true", "[true]"];
    const values = [...nothing, ...poor, "[[x]]", "{ x: y }"];
    expect(await unrefused(times(lists, values))).toEqual([]);
  });

  test("one text of a list that is none spoils the list (P-04)", async () => {
    const goods: Record<string, string> = {
      workflow: ".github/workflows/deploy.yml",
      ref: "refs/heads/main",
      event: "push",
      job: "deploy",
      step: "assume role",
      reusable_workflow: "acme/ci/.github/workflows/deploy.yml@refs/heads/main",
      actor: "octocat",
      environment: "production",
      role: "arn:aws:iam::123456789012:role/shop-deploy",
      transitive_tags: '"github:repo"',
    };
    const spoilt = Object.entries(goods).flatMap(([key, good]) =>
      ["~", '""', "7", "{}", "[x]"].map((bad): [string, string] => [key, `[${good}, ${bad}]`]),
    );
    expect(await unrefused(spoilt)).toEqual([]);
  });

  test("what has to be one text is a fault as anything else (P-02)", async () => {
    const values = [...nothing, "7", "true", "[x, y]", "[[]]", "{ a: b }"];
    expect(await unrefused(times(texts, values))).toEqual([]);
  });

  test("true and false are written so, and in no other way (P-02)", async () => {
    const values = [...nothing, "yes", "no", "on", "off", "y", '"true"', "0", "1", "[true]"];
    expect(await unrefused(times(["forks", "legacy"], values))).toEqual([]);
  });

  test("a number is written in plain digits (P-02)", async () => {
    const odd = ['"1296269"', "[1296269]", "0", "9007199254740992", "1_296_269", "1,296,269"];
    const values = [...nothing, ...odd, "true", "2026-01-01", "12:30:45"];
    expect(await unrefused(times(["repository_id"], values))).toEqual([]);
  });

  test("what opens a block is a fault as anything else (P-02)", async () => {
    const values = [...nothing.filter((value) => value !== "{}"), "7", "x", "true", "[x]"];
    expect(await unrefused(times(["tags", "session_policy"], values))).toEqual([]);
  });

  test("the same holds above the grants (P-04)", async () => {
    const keys = ["public_url", "trusted_proxies", "store", "audit"];
    const files = ["", "~", "null", "7", "true", "''", "[7]", "[~]"].map(async (value) => {
      const above = keys.reduce(
        (text, key) => text.replace(new RegExp(`^${key}:.*$`, "m"), `${key}: ${value}`),
        head,
      );
      const { faults } = await checked(above + grant);
      return keys.filter((key) => !faults.some(({ message }) => message.startsWith(key)));
    });
    expect((await Promise.all(files)).flat()).toEqual([]);
  });
});

test("a number or a constant that looks otherwise than it reads is a fault, wherever it stands (P-02)", async () => {
  const odd = [
    "1.10",
    "010",
    "0o17",
    "0x1F",
    "1e3",
    "+7",
    "-1",
    ".5",
    ".inf",
    "-.inf",
    ".nan",
    "1.",
  ];
  const keys = [...lists, ...texts, "repository_id", "forks"];
  const lines = times(keys, odd).map(([key, value]) => changed(key, `${key}: ${value}`));
  const { text, starts } = fileOf(lines.map((line) => line.text));
  const { exitCode, faults } = await checked(text);
  expect(exitCode).toBe(2);
  expect(faults).toEqual(
    lines.map(({ at }, index) => ({
      line: (starts[index] ?? 0) + at,
      message: "numbers must be plain; put text into quotes",
    })),
  );
});

describe("names that hold what nobody sees are a fault on their line (G-16),", () => {
  const controls = "\u2028\u2029\u0085\0\u0007\u007F\n\t";
  const formats = "\u200B\u200C\u200D\u2060\uFEFF\u00AD\u202E\u2066\u061C";
  const others = "\u00A0\u2003\u202F\u3164\u115F\u034F\uFE00\u180E\uFFA0\uD800";
  const unseen = `${controls}${formats}${others}`.split("");
  const before: Record<string, string> = { ref: "refs/heads/ma", transitive_tags: "github:repo" };
  const names = lists.filter(
    (key) => !["workflow", "event", "role", "reusable_workflow"].includes(key),
  );

  test("written as escapes", async () => {
    const escaped = (character: string): string =>
      `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    const values = times(names, unseen).map(([key, character]): [string, string] => [
      key,
      `"${before[key] ?? "na"}${escaped(character)}in"`,
    ]);
    expect(await unrefused(values)).toEqual([]);
  });

  test("but for what people type, which is taken: blanks, accents, signs in colour", async () => {
    const fine = [
      "deploy prod",
      "d\u00E9ploiement",
      "\u2699\uFE0F deploy",
      "\u672C\u756A\u3000\u5C55\u958B",
    ];
    const { text } = fileOf(fine.map((name) => changed("job", `job: ${name}`).text));
    expect(await checked(text)).toMatchObject({ exitCode: 0, faults: [] });
  });
});
