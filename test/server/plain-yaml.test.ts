import { describe, expect, test } from "vitest";
import { PlainYaml } from "../../src/server/plain-yaml.ts";
import { faultsOf, fullConfig, withLine } from "./faults.ts";

const faults = (text: string): string[] =>
  new PlainYaml(text).faults.map(({ line, message }) => `${line}: ${message}`);

describe("P-02: YAML that reads as one thing to a person and as another to a parser is a fault on its line", () => {
  test.each([
    ["an anchor", "a: 1\nb: &x 2\n", 2, /anchors/],
    ["an alias", "a: &x 1\nb: *x\n", 2, /aliases/],
    ["a merge key", "a:\n  <<: { b: 1 }\n", 2, /merge keys/],
    ["a merge key in quotes", 'a:\n  "<<": { b: 1 }\n', 2, /merge keys/],
    ["a key given twice", "a: 1\nb: 2\na: 3\n", 3, /unique/],
    ["a nested key given twice", "a:\n  b: 1\n  b: 2\n", 3, /unique/],
    ["a key given twice, once in quotes", 'a: 1\n"a": 2\n', 2, /unique/],
    ["a number with a point", "ref: x\nversion: 1.10\n", 2, /numbers must be plain/],
    ["a number with a zero before it", "a: 1\nid: 010\n", 2, /numbers must be plain/],
    ["a hexadecimal number", "id: 0x10\n", 1, /numbers must be plain/],
    ["an octal number", "id: 0o10\n", 1, /numbers must be plain/],
    ["a number with an exponent", "a: 1\nb: [1e3]\n", 2, /numbers must be plain/],
    ["a number with a sign", "id: +7\n", 1, /numbers must be plain/],
    ["infinity", "id: .inf\n", 1, /numbers must be plain/],
    ["not a number", "id: .nan\n", 1, /numbers must be plain/],
    ["a number as key", "1.10: a\n", 1, /numbers must be plain/],
    ["a tag", "a: !!str 1\n", 1, /tags are not taken/],
    ["a tag of one's own", "a: 1\nb: !secret x\n", 2, /tags are not taken|tag/],
    ["binary", "a: !!binary aGk=\n", 1, /tag/],
    ["two documents", "a: 1\n---\nb: 2\n", 1, /one YAML document/],
    ["a tab as indent", "a:\n\tb: 1\n", 2, /./],
    ["an open quote", 'a: 1\nb: "x\n', 3, /quote/],
    ["an open list", "a: [1, 2\n", 2, /end with a \]/],
    ["wrong indent", "a:\n   b: 1\n  c: 2\n", 3, /./],
    ["two values", "a: 1 b: 2\n", 1, /./],
    ["nothing", "", 1, /one YAML document/],
    ["only a comment", "# a\n", 1, /one YAML document/],
  ])("%s", (_, text, line, message) => {
    const found = faults(text);
    expect(found).toContainEqual(expect.stringMatching(`^${line}: .*${message.source}`));
  });

  test("billion laughs: no alias is expanded, and it takes no time", () => {
    const levels = Array.from(
      { length: 30 },
      (_, at) =>
        `l${at}: &l${at} [${at === 0 ? "lol" : Array.from({ length: 10 }, () => `*l${at - 1}`).join(", ")}]`,
    );
    const started = performance.now();
    expect(faults(levels.join("\n"))).toContain("2: aliases are not taken: write the value out");
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test.each(["}", "\u2028", "- a\n\0"])(
    "a file of nothing but %j is told of, and soon",
    (fault) => {
      const started = performance.now();
      expect(faults(fault.repeat(50_000)).length).toBeGreaterThanOrEqual(50_000);
      expect(performance.now() - started).toBeLessThan(10_000);
    },
  );

  test.each([
    ["plain values", "a: 1\nb: [x, true, null]\nc: { d: 0 }\n"],
    ["no and on, which are text", "a: no\non: yes\n"],
    ["a date, which is text", "a: 2026-01-01\n"],
    ["a number in quotes", 'a: "1.10"\n'],
    ["text of many lines", "a: |\n  &x *y !!z\n  1.10\n"],
    ["one document with its marks", "---\na: 1\n...\n"],
    ["CRLF and a BOM", "\uFEFFa: 1\r\nb: 2\r\n"],
  ])("%s are taken", (_, text) => {
    expect(faults(text)).toEqual([]);
  });

  test("no, on and dates stay text", () => {
    expect(new PlainYaml("a: no\non: off\nc: 2026-01-01\nd: ~\n").value).toEqual({
      a: "no",
      on: "off",
      c: "2026-01-01",
      d: null,
    });
  });
});

describe("in a configuration", () => {
  test.each([
    ["proof", "proof: 1.10", /numbers must be plain/],
    ["repository_id", "repository_id: 01296269", /numbers must be plain/],
    ["repository_id", "repository_id: 1_296_269", /whole number/],
    ["repository_id", "repository_id: 2026-01-01", /whole number/],
    ["forks", "forks: no", /true or false/],
    ["forks", "forks: &yes true", /anchors/],
    ["event", "on: [push]", /unknown key: "on"/],
    ["actor", "__proto__: { forks: true }", /unknown key: "__proto__"/],
    ["actor", "constructor: x", /unknown key: "constructor"/],
    ["actor", "? [a, b]: c", /keys must be plain text/],
    ["actor", "true: x", /keys must be plain text/],
    ["actor", "forks: true", /unique/],
  ])("%s: %s", (key, line, message) => {
    const changed = withLine(key, line);
    expect(faultsOf(changed.text)).toContainEqual(
      expect.stringMatching(`^(?:${changed.line}|26): .*${message.source}`),
    );
  });

  test("YAML 1.1 by directive does not turn no into false", () => {
    const text = fullConfig.replace("forks: false", "forks: no");
    expect(faultsOf(`%YAML 1.1\n---\n${text}`)).not.toEqual([]);
  });

  test.each(["- ", "[", "{a: ", "a:\n"])("a hundred thousand times %j is a fault", (part) => {
    const indented = Array.from({ length: 3_000 }, (_, depth) => `${" ".repeat(depth)}a:\n`);
    const text = part === "a:\n" ? indented.join("") : part.repeat(100_000);
    expect(faultsOf(text)).not.toEqual([]);
  });

  test.each(["text", "- a", "7", "null", "[]", "&x {}"])(
    "a file that is no mapping: %s",
    (text) => {
      expect(faultsOf(text)).toEqual([expect.stringMatching(/^1: /)]);
    },
  );
});
