/** Where something stands in an answer; the empty path is the answer itself. */
export type Path = readonly (string | number)[];

/** One thing that is wrong with one field. */
export type Mutation = (typeof mutations)[number];
export const mutations = [
  "gone",
  "null",
  "a number",
  "a text",
  "true",
  "one more",
  "one less",
  "another end",
  "other case",
  "trailing blank",
  "empty",
  "a list of it",
  "twice, the last wrong",
  "twice, the first wrong",
] as const;

/** What no field that a check uses may be, whatever it was. */
export const alwaysWrong: readonly Mutation[] = ["gone", "null", "a number", "a text", "true"];

export interface Change {
  readonly path: Path;
  readonly mutation: Mutation;
}

/** All fields of an answer, those that hold others as well, the answer itself first. */
export function fieldsOf(value: unknown, path: Path = []): Path[] {
  const inner =
    typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([key, entry]) =>
          fieldsOf(entry, [...path, Array.isArray(value) ? Number(key) : key]),
        )
      : [];
  return [path, ...inner];
}

export const nameOf = (path: Path): string => path.join(".");

/** The mutations that make this field another: a field that is null already can't become null. */
export function mutationsOf(value: unknown, path: Path): Mutation[] {
  return mutations.filter((mutation) => {
    const field = fieldAt(value, path);
    if (mutation === "gone") return path.length > 0;
    if (mutation.startsWith("twice")) return isMember(value, path) && wrong(field) !== undefined;
    const other = altered(field, mutation);
    return other !== undefined && JSON.stringify(other) !== JSON.stringify(field);
  });
}

/** Behind a key that stands there a second time, since an object has each key once. */
const again = "\u0001again";

/** The key as it is to be written. */
export const writtenKey = (key: string): string => key.replace(again, "");

/** The answer with these changes, which must not stand inside each other. Write its keys by `writtenKey`. */
export function changed(value: unknown, changes: readonly Change[]): unknown {
  return changes.reduce(
    (whole: unknown, change) => edited(whole, change.path, change.mutation),
    value,
  );
}

/** The same as JSON text. */
export function spelled(value: unknown, changes: readonly Change[]): string {
  return JSON.stringify(changed(value, changes)).replaceAll(JSON.stringify(again).slice(1, -1), "");
}

function edited(value: unknown, path: Path, mutation: Mutation): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return altered(value, mutation);
  if (rest.length > 0)
    return replaced(value, key, (inner) => [[key, edited(inner, rest, mutation)]]);
  return replaced(value, key, (field) => {
    if (mutation === "gone") return [];
    if (mutation === "twice, the last wrong") {
      return [
        [key, field],
        [key + again, wrong(field)],
      ];
    }
    if (mutation === "twice, the first wrong") {
      return [
        [key + again, wrong(field)],
        [key, field],
      ];
    }
    return [[key, altered(field, mutation)]];
  });
}

/** A copy in which other members, or none, stand in the place of one. */
function replaced(
  value: unknown,
  key: string | number,
  members: (field: unknown) => [string | number, unknown][],
): unknown {
  const entries = Object.entries(value ?? {}).flatMap(([name, field]) =>
    name === String(key) ? members(field) : [[name, field] as [string, unknown]],
  );
  return Array.isArray(value)
    ? entries.map(([, field]) => field)
    : Object.fromEntries(entries.map(([name, field]) => [String(name), field]));
}

export function fieldAt(value: unknown, path: Path): unknown {
  return path.reduce(
    (inner: unknown, key) => (inner as Record<string | number, unknown> | null)?.[key],
    value,
  );
}

function isMember(value: unknown, path: Path): boolean {
  const parent = path.length === 0 ? [] : fieldAt(value, path.slice(0, -1));
  return !Array.isArray(parent);
}

/** What the other of two equal keys says. */
function wrong(field: unknown): unknown {
  return altered(field, "another end") ?? altered(field, "one more") ?? altered(field, "empty");
}

/** The field, changed; undefined where there is no such change. */
function altered(field: unknown, mutation: Mutation): unknown {
  if (mutation === "null") return null;
  if (mutation === "a number") return typeof field === "number" ? undefined : numberFor(field);
  if (mutation === "a text") return typeof field === "string" ? undefined : textFor(field);
  if (mutation === "true") return field !== true;
  if (mutation === "a list of it") return [field];
  if (typeof field === "string") return alteredText(field, mutation);
  if (typeof field === "number")
    return of(mutation, { "one more": field + 1, "one less": field - 1, empty: 0 });
  if (typeof field === "boolean") return of(mutation, { "one more": !field });
  if (Array.isArray(field)) return alteredList(field, mutation);
  return mutation === "empty" ? {} : undefined;
}

/** Ids in claims are numbers as text: the number itself is what a careless check would take. */
function numberFor(field: unknown): number {
  return typeof field === "string" && /^\d{1,15}$/.test(field) ? Number(field) : 42;
}

function textFor(field: unknown): string {
  return typeof field === "number" || typeof field === "boolean" ? String(field) : "x";
}

function alteredText(text: string, mutation: Mutation): string | undefined {
  const last = text.at(-1) ?? "";
  const swapped = text.toUpperCase() === text ? text.toLowerCase() : text.toUpperCase();
  return of(mutation, {
    "one more": `${text}${last || "x"}`,
    "other case": swapped,
    "trailing blank": `${text} `,
    empty: "",
    ...(last && { "one less": text.slice(0, -1), "another end": ended(text) }),
  });
}

function of<Value>(mutation: Mutation, by: Partial<Record<Mutation, Value>>): Value | undefined {
  return by[mutation];
}

/** A text of the same length and kind that ends otherwise. */
function ended(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  const next = /[9fFzZ]/.test(text.slice(-1)) ? last - 1 : last + 1;
  return text.slice(0, -1) + String.fromCharCode(next);
}

function alteredList(list: readonly unknown[], mutation: Mutation): unknown {
  if (mutation === "empty") return [];
  if (list.length === 0) return undefined;
  if (mutation === "one more") return [...list, list.at(-1)];
  if (mutation === "one less") return list.slice(0, -1);
  return undefined;
}
