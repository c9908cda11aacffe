/** A JSON Schema (2020-12), as far as the project's own documents go. */
export type JsonSchema = Readonly<Record<string, unknown>>;

type Check = (told: never, value: unknown, at: string, schema: JsonSchema) => string[];

/** What is wrong with a value, by a validator that shares nothing with what made the schema. */
export function faultsIn(
  schema: JsonSchema,
  value: unknown,
  resolve: (reference: string) => unknown = noReference,
  at = "",
): string[] {
  const inside = (part: unknown, inner: unknown, where: string): string[] =>
    faultsIn(part as JsonSchema, inner, resolve, where);
  const checks: Record<string, Check> = {
    $ref: (reference: string) => inside(resolve(reference), value, at),
    type: (type: string) => (typesOf(value).includes(type) ? [] : [`${at}: not ${type}`]),
    const: (told: unknown) => (value === told ? [] : [`${at}: not ${String(told)}`]),
    enum: (told: readonly unknown[]) => (told.includes(value) ? [] : [`${at}: not in the list`]),
    pattern: (told: string) =>
      typeof value !== "string" || new RegExp(told, "u").test(value) ? [] : [`${at}: not ${told}`],
    format: (told: string) => (told !== "date-time" || isTime(value) ? [] : [`${at}: not a time`]),
    minimum: (told: number) => numberFault(value, (it) => it >= told, at),
    maximum: (told: number) => numberFault(value, (it) => it <= told, at),
    exclusiveMinimum: (told: number) => numberFault(value, (it) => it > told, at),
    minLength: (told: number) => sizeFault(value, "string", (it) => it >= told, at),
    maxLength: (told: number) => sizeFault(value, "string", (it) => it <= told, at),
    minItems: (told: number) => sizeFault(value, "array", (it) => it >= told, at),
    minProperties: (told: number) => sizeFault(value, "object", (it) => it >= told, at),
    maxProperties: (told: number) => sizeFault(value, "object", (it) => it <= told, at),
    items: (told: unknown) =>
      Array.isArray(value)
        ? value.flatMap((item, index) => inside(told, item, `${at}[${index}]`))
        : [],
    required: (names: readonly string[]) =>
      names
        .filter((name) => isObject(value) && !(name in value))
        .map((name) => `${at}.${name}: missing`),
    properties: (told: JsonSchema) =>
      membersOf(value).flatMap(([name, member]) =>
        Object.hasOwn(told, name) ? inside(told[name], member, `${at}.${name}`) : [],
      ),
    additionalProperties: (told: unknown, _value, _at, { properties = {} }) =>
      membersOf(value)
        .filter(([name]) => !Object.hasOwn(properties as object, name))
        .flatMap(([name, member]) =>
          told === false ? [`${at}.${name}: unknown`] : inside(told, member, `${at}.${name}`),
        ),
    propertyNames: (told: unknown) =>
      membersOf(value).flatMap(([name]) => inside(told, name, `${at}.${name}`)),
    allOf: (all: readonly unknown[]) => all.flatMap((part) => inside(part, value, at)),
    anyOf: (any: readonly unknown[]) =>
      any.some((part) => inside(part, value, at).length === 0) ? [] : [`${at}: none of anyOf`],
    contains: (told: unknown) =>
      !Array.isArray(value) || value.some((item) => inside(told, item, at).length === 0)
        ? []
        : [`${at}: has none`],
    not: (told: unknown) =>
      inside(told, value, at).length > 0 ? [] : [`${at}: is what it may not be`],
    if: (told: unknown, _value, _at, { then = {}, else: otherwise = {} }) =>
      inside(inside(told, value, at).length === 0 ? then : otherwise, value, at),
  };
  return Object.entries(schema).flatMap(([keyword, told]) => {
    if (annotations.has(keyword)) return [];
    const check = checks[keyword];
    if (check === undefined) throw new Error(`the validator does not know ${keyword}`);
    return check(told as never, value, at, schema);
  });
}

/** Keywords that say something to people, or to other keywords. */
const annotations = new Set([
  "$schema",
  "$id",
  "title",
  "description",
  "default",
  "examples",
  "then",
  "else",
]);

function typesOf(value: unknown): string[] {
  if (value === null) return ["null"];
  if (Array.isArray(value)) return ["array"];
  return Number.isInteger(value) ? ["number", "integer"] : [typeof value];
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function membersOf(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : [];
}

function isTime(value: unknown): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/.test(String(value));
}

function numberFault(value: unknown, fits: (it: number) => boolean, at: string): string[] {
  return typeof value !== "number" || fits(value) ? [] : [`${at}: out of range`];
}

function sizeFault(
  value: unknown,
  type: "string" | "array" | "object",
  fits: (it: number) => boolean,
  at: string,
): string[] {
  if (!typesOf(value).includes(type)) return [];
  const size =
    type === "object" ? Object.keys(Object(value)).length : (value as { length: number }).length;
  return fits(size) ? [] : [`${at}: ${size} of them`];
}

function noReference(reference: string): never {
  throw new Error(`there is no ${reference}`);
}
