import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJsonObject } from "../../src/core/json.ts";
import { character } from "./character.ts";
import { code, told } from "./golden.ts";

const refused = code("invalid_request", told);

describe("H-05: a key given twice is refused", () => {
  test.each([
    '{"a":1,"a":2}',
    '{"a":1,"a":1}',
    '{"a":{"b":1,"b":2}}',
    '{"a":[{"b":1,"b":2}]}',
    '{"a":1,"\\u0061":2}',
    '{"a" :1,"a"\n:2}',
    '{"":1,"":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"a":{},"b":{"a":1,"a":{"c":1}}}',
  ])("%s", (text) => {
    expect(() => parseJsonObject(text)).toThrow(
      code("invalid_request", { detail: "A key is given twice." }),
    );
  });

  test.each([
    '{"a":1,"A":2}',
    '{"a":{"a":{"a":1}}}',
    '{"a":"{\\"a\\":1}","b":"\\"c\\":"}',
    '{"a\\"":":","b":"\\\\"}',
    '{"a":["b",":","c:"],"\\":":1}',
    "{}",
  ])("but not %s", (text) => {
    expect(parseJsonObject(text)).toEqual(JSON.parse(text));
  });
});

describe("H-03: numbers are plain integers", () => {
  test.each(["1.0", "1e3", "1E3", "1.5", "10e-1", "-1.0", "0.0", "1e400", "-0.5"])(
    "%s is refused",
    (number) => {
      for (const text of [`{"a":${number}}`, `{"a":[{"b":${number}}]}`]) {
        expect(() => parseJsonObject(text)).toThrow(
          code("invalid_request", { detail: "Numbers must be plain integers." }),
        );
      }
    },
  );

  test.each(["0x10", "010", "+7", "1_000", " 1 2", "１２", "NaN", "Infinity", ".5", "5.", "--1"])(
    "%s is not JSON",
    (number) => {
      expect(() => parseJsonObject(`{"a":${number}}`)).toThrow(
        code("invalid_request", { detail: "The body is not JSON." }),
      );
    },
  );

  test.each(["0", "7", "-7", "9007199254740991", "[1,2,3]", "true", "null"])(
    "%s is taken",
    (value) => {
      expect(parseJsonObject(`{"a": ${value} }`)).toEqual({ a: JSON.parse(value) });
    },
  );
});

describe("the body is one JSON object", () => {
  test.each([
    "",
    " ",
    "null",
    "1",
    '"a"',
    "[]",
    "[{}]",
    "true",
    "{",
    "{}{}",
    "{} x",
    "\uFEFF{}",
    "{'a':1}",
    '{"a":1,}',
    '{"a":"\n"}',
    "<html>",
  ])("not %j", (text) => {
    expect(() => parseJsonObject(text)).toThrow(refused);
  });

  test("H-17: nor one as deep as the sea", () => {
    expect(() => parseJsonObject(`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`)).toThrow(
      refused,
    );
    expect(() => parseJsonObject('{"a":'.repeat(100_000))).toThrow(refused);
  });
});

test("H-06: __proto__ is a key like any other, and pollutes nothing", () => {
  const value = parseJsonObject(
    '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}',
  );
  expect(Object.keys(value)).toEqual(["__proto__", "constructor"]);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect({}).not.toHaveProperty("admin");
});

test("any object of texts and integers reads as JSON.parse reads it", () => {
  const leaf = fc.oneof(
    fc.string({ unit: character }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.dictionary(
      fc.string(),
      fc.oneof({ depthSize: "small" }, leaf, fc.array(leaf), tie("tree")),
    ),
  }));
  fc.assert(
    fc.property(tree, fc.nat({ max: 4 }), (object, indent) => {
      const text = JSON.stringify(object, null, indent);
      expect(parseJsonObject(text)).toEqual(JSON.parse(text));
    }),
    { numRuns: 500 },
  );
});
