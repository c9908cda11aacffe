import type { Must } from "./identity-verdict.ts";
import {
  alwaysWrong,
  type Change,
  fieldAt,
  fieldsOf,
  type Mutation,
  mutations,
  mutationsOf,
  nameOf,
  type Path,
} from "./mutations.ts";

/** Which of an answer's fields count; all others must not. `(all)` is the answer itself. */
export interface Listed {
  /** Fields that a check compares: with any other value nobody is served. */
  readonly exact?: readonly string[];
  /** The same, but that case does not count. */
  readonly folded?: readonly string[];
  /** Fields that a check uses: without one, or with another type in its place, nobody is served. */
  readonly used: readonly string[];
  /** Fields that a check uses if they are there, each with the reason why it may do without. */
  readonly optional?: Readonly<Record<string, string>>;
  /** Fields that a tag's value is taken from, each with the tag. */
  readonly tagged?: Readonly<Record<string, string>>;
  /** No field may be given twice, not even one that nobody uses. */
  readonly onceOnly?: boolean;
}

/** Names of fields, with blanks between them. */
export const fields = (names: string): readonly string[] => names.trim().split(/\s+/);

export interface Single {
  readonly name: string;
  readonly changes: readonly Change[];
  readonly must: Must;
  readonly follows: readonly string[];
}

/**
 * Every field, every mutation: those that are listed each by itself, all others at once, but for those
 * that stand inside each other.
 */
export function singleChanges(answer: unknown, listed: Listed): Single[] {
  const { exact = [], folded = [], used, optional = {}, tagged = {}, onceOnly = false } = listed;
  const all = fieldsOf(answer);
  const names = new Set(all.map(titleOf));
  const optionals = [...Object.keys(optional), ...Object.keys(tagged)];
  const counted = new Set([...exact, ...folded, ...used, ...optionals]);
  const unknown = [...counted].filter((name) => !names.has(name));
  if (unknown.length > 0) throw new Error(`no such fields: ${unknown.join(", ")}`);

  const together = (paths: readonly Path[], mutation: Mutation): Single[] => {
    const can = paths.filter((path) => mutationsOf(answer, path).includes(mutation));
    const changes = can.map((path) => ({ path, mutation }));
    const name = `${can.map(titleOf).join(", ")}, each ${mutation}`;
    const must = onceOnly && mutation.startsWith("twice") ? "refused" : "served";
    return can.length === 0 ? [] : [{ name, changes, must, follows: [] }];
  };
  const [counting, others] = [true, false].map((counts) =>
    all.filter((path) => counted.has(titleOf(path)) === counts),
  ) as [Path[], Path[]];
  const apart = Map.groupBy(others, (path) => (holds(answer, path) ? path.length : "leaf"));
  return [
    ...counting.flatMap((path) => changesOf(answer, path, listed)),
    ...[...apart.values()].flatMap((paths) =>
      mutations.flatMap((mutation) => together(paths, mutation)),
    ),
  ];
}

/** One field and one mutation each: what random pairs are made of. */
export function eachChange(answer: unknown, listed: Listed): Single[] {
  return fieldsOf(answer).flatMap((path) => changesOf(answer, path, listed));
}

function changesOf(answer: unknown, path: Path, listed: Listed): Single[] {
  const name = titleOf(path);
  return mutationsOf(answer, path).map((mutation) => ({
    name: `${name} ${mutation}`,
    changes: [{ path, mutation }],
    must: isWrong(name, mutation, listed) ? "refused" : "either",
    follows: [listed.tagged?.[name] ?? []].flat(),
  }));
}

function isWrong(name: string, mutation: Mutation, listed: Listed): boolean {
  const { exact = [], folded = [], used, onceOnly = false } = listed;
  if (onceOnly && mutation.startsWith("twice")) return true;
  // Of two equal keys the last counts.
  if (exact.includes(name)) return mutation !== "twice, the first wrong";
  if (folded.includes(name)) return !["other case", "twice, the first wrong"].includes(mutation);
  return used.includes(name) && alwaysWrong.includes(mutation);
}

/** Two changes at once: what must be refused must be, whatever else is changed. */
export function both([one, other]: readonly [Single, Single]): Single {
  const demands = [one.must, other.must];
  return {
    name: `${one.name}, and ${other.name}`,
    changes: [...one.changes, ...other.changes],
    must: demands.includes("refused") ? "refused" : "either",
    follows: [...one.follows, ...other.follows],
  };
}

/** Whether one changes what the other stands in, or the same. */
export function meet({ changes: [one] }: Single, { changes: [other] }: Single): boolean {
  const [a = "", b = ""] = [one, other].map((change) =>
    (change?.path ?? []).map((key) => `${key}.`).join(""),
  );
  return a.startsWith(b) || b.startsWith(a);
}

/** Whether it is one that other fields stand in. */
function holds(answer: unknown, path: Path): boolean {
  const field = fieldAt(answer, path);
  return typeof field === "object" && field !== null;
}

function titleOf(path: Path): string {
  return nameOf(path) || "(all)";
}
