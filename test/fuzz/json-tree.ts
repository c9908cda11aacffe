import type { Random } from "./random.ts";

/** JSON that may say what no JavaScript value can: a key twice, any number. Scalars are as they are written. */
type Tree =
  | { kind: "object"; members: [key: string, value: Tree][] }
  | { kind: "array"; items: Tree[] }
  | { kind: "scalar"; text: string };

const deepest = 200;

/**
 * Changes one place of a JSON text and keeps it JSON.
 *
 * @param values JSON texts to put in
 * @returns null for what is not JSON
 */
export function changedJson(
  text: string,
  random: Random,
  values: readonly string[],
): string | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const tree = treeOf(value);
  change(random.pick(nodesOf(tree)), random, values);
  return print(tree);
}

function treeOf(value: unknown, depth = 0): Tree {
  if (depth > deepest || typeof value !== "object" || value === null)
    return { kind: "scalar", text: JSON.stringify(depth > deepest ? null : value) };
  if (Array.isArray(value))
    return { kind: "array", items: value.map((item) => treeOf(item, depth + 1)) };
  const members = Object.entries(value).map(([key, member]): [string, Tree] => [
    key,
    treeOf(member, depth + 1),
  ]);
  return { kind: "object", members };
}

function nodesOf(tree: Tree): Tree[] {
  return [tree, ...childrenOf(tree).flatMap(nodesOf)];
}

function childrenOf(tree: Tree): Tree[] {
  if (tree.kind === "scalar") return [];
  return tree.kind === "array" ? tree.items : tree.members.map(([, value]) => value);
}

function change(node: Tree, random: Random, values: readonly string[]): void {
  const put: Tree = { kind: "scalar", text: random.pick(values) };
  if (node.kind === "scalar" || random.once(6)) {
    Object.assign(node, random.once(8) ? { kind: "array", items: [{ ...node }] } : put);
  } else if (node.kind === "array") {
    changeList(node.items, random, put);
  } else {
    const key = random.once(2) ? "__proto__" : random.pick(values).replaceAll('"', "");
    changeList(node.members, random, [random.once(2) ? key : (node.members[0]?.[0] ?? key), put]);
  }
}

function changeList<T>(list: T[], random: Random, put: T): void {
  const at = random.below(list.length + 1);
  const [entry = put] = list.slice(at, at + 1);
  const many = Array.from({ length: random.once(10) ? random.below(2_000) : 1 }, () => entry);
  random.pick([
    () => list.splice(at, 1),
    () => list.splice(at, 0, put),
    () => list.splice(at, 1, put),
    () => list.splice(random.below(list.length + 1), 0, ...many),
    () => list.push(...list.splice(0, at)),
  ])();
}

function print(tree: Tree): string {
  if (tree.kind === "scalar") return tree.text;
  if (tree.kind === "array") return `[${tree.items.map(print).join(",")}]`;
  const members = tree.members.map(([key, value]) => `${JSON.stringify(key)}:${print(value)}`);
  return `{${members.join(",")}}`;
}
