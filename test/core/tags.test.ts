import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compileTag,
  defaultTags,
  evaluateTags,
  legalValue,
  TagError,
  tagKeyShape,
} from "../../src/core/tags.ts";
import { character } from "./character.ts";
import { goldenCase } from "./golden.ts";

const { run, runJson, jobsJson } = goldenCase();
const facts = { run: runJson(), job: jobsJson()[0] };

test("the default tags are the original's seven", () => {
  expect(evaluateTags(defaultTags, facts)).toEqual([
    { key: "github:jobId", value: "7001" },
    { key: "github:runId", value: "5001" },
    { key: "github:run", value: "1" },
    { key: "github:job", value: "deploy" },
    { key: "github:commit", value: run.headSha },
    { key: "github:repo", value: "acme/app" },
    { key: "github:author", value: "octocat@example.com" },
  ]);
});

describe("a tag's value", () => {
  const valueOf = (expression: string, required = true): unknown =>
    evaluateTags([compileTag("key", expression, required)], facts).map(({ value }) => value);

  test.each([
    ["run.id", ["5001"]],
    ["run.repository.private", ["true"]],
    ["run.head_branch", ["main"]],
    ["job.labels[0]", ["ubuntu-latest"]],
    ["join(',', job.labels)", ["ubuntu-latest"]],
    ["run.repository.description || 'none'", ["none"]],
  ])("%s is %j", (expression, expected) => {
    expect(valueOf(expression)).toEqual(expected);
  });

  test.each([
    "run.nothing",
    "run.conclusion",
    "run.repository",
    "job.labels",
    "run.head_commit.author.age",
    "other.id",
  ])("A-06: %s has none: a tag of the grant's own is never left out", (expression) => {
    expect(() => valueOf(expression)).toThrow(TagError);
  });

  test("one of the default set may be missing, but not be of another kind", () => {
    expect(valueOf("run.head_commit.author.age", false)).toEqual([]);
    expect(() => valueOf("run.repository", false)).toThrow(TagError);
  });

  test("an expression that fails tells the key at most", () => {
    expect(() => valueOf("length(run.id)")).toThrow(/length/);
    expect(() => valueOf("run.repository")).toThrow(/the tag key has no text, number or boolean/);
    expect(() => compileTag("key", "run.[")).toThrow(/Syntax error/i);
  });
});

describe("A-05: any text becomes a value that STS takes", () => {
  test.each([
    ["octocat@example.com", "octocat@example.com"],
    ["feature/x y", "feature/x y"],
    ["Zürich_ß.東京:/+-@", "Zürich_ß.東京:/+-@"],
    ["", ""],
    ["dependabot[bot]", "dependabot=5Bbot=5D"],
    ["#2-x", "=232-x"],
    ["team=admin", "team=3Dadmin"],
    ["test (1, 2)", "test =281=2C 2=29"],
    ["a\nb\0", "a=0Ab=00"],
    ["🎉", "=F0=9F=8E=89"],
    ["*", "=2A"],
    ["\uFFFD", "=EF=BF=BD"],
    ["\uD800", "=ED=A0=80"],
    ["x\uDFFFy", "x=ED=BF=BFy"],
  ])("%j becomes %j", (text, expected) => {
    expect(legalValue(text)).toBe(expected);
  });

  /** STS, API_Tag: Value. */
  const legal = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;
  const unit = fc.oneof(
    fc.constantFrom(
      ...Array.from("aé=:5DBF-[]\n東🎉𝒳\uFFFD"),
      "\uD800",
      "\uDC00",
      "\uD83C",
      "\u0301",
    ),
    character,
  );
  const text = fc.oneof(
    fc.string({ unit, maxLength: 20 }),
    fc.string({ unit, minLength: 200, maxLength: 700 }),
  );

  test("of legal characters, well formed, and of 256 at most", () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(legalValue(value)).toMatch(legal);
        expect(legalValue(value).isWellFormed()).toBe(true);
        expect(legalValue(value).length).toBeLessThanOrEqual(256);
      }),
      { numRuns: 1_000 },
    );
  });

  test("two texts never become one value", () => {
    // One text, and the same with a small change anywhere in it.
    const change = fc.tuple(
      fc.nat({ max: 700 }),
      fc.nat({ max: 2 }),
      fc.string({ unit, maxLength: 2 }),
    );
    fc.assert(
      fc.property(text, change, (value, [at, length, other]) => {
        const changed = value.slice(0, at) + other + value.slice(at + length);
        fc.pre(changed !== value);
        expect(legalValue(changed)).not.toBe(legalValue(value));
      }),
      { numRuns: 3_000 },
    );
  });

  test("nor does a text written to look like the escape or the cut of another", () => {
    const texts = [
      "[",
      "=5B",
      "=3D5B",
      "\uD800",
      "\uFFFD",
      "=ED=A0=80",
      "x".repeat(257),
      legalValue("x".repeat(257)),
      "[".repeat(86),
      "[".repeat(87),
    ];
    expect(new Set(texts.map(legalValue)).size).toBe(texts.length);
  });

  test("what fits is kept whole", () => {
    expect(legalValue("x".repeat(256))).toBe("x".repeat(256));
    expect(legalValue("x".repeat(257))).toMatch(/^x{222}=:[0-9a-f]{32}$/);
  });
});

describe("a tag's key", () => {
  test.each(["team", "github:repo", "Cost Center", "a/b=c+d-e@f.g_h", "é", "x".repeat(128)])(
    "%s is taken",
    (key) => {
      expect(key).toMatch(tagKeyShape);
    },
  );

  test.each(["", "aws:team", "AWS:team", "x".repeat(129), "a*b", "a\nb", "(x)"])(
    "%j is refused",
    (key) => {
      expect(key).not.toMatch(tagKeyShape);
    },
  );
});
