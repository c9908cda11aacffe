import { writtenKey } from "./mutations.ts";

/** XML as AWS writes it, which has neither mixed content nor an element twice → objects and texts. */
export function readXml(text: string): unknown {
  const elements = [...text.matchAll(/<(\w+)(?:\s[^>]*)?>([\s\S]*?)<\/\1>/g)];
  return elements.length === 0
    ? text
    : Object.fromEntries(elements.map(([, name = "", inner = ""]) => [name, readXml(inner)]));
}

/** The way back, for values that have been changed too: null is an empty element, a list has members. */
export function writeXml(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value))
    return value.map((entry) => `<member>${writeXml(entry)}</member>`).join("");
  if (typeof value !== "object") return typeof value === "string" ? value : JSON.stringify(value);
  return Object.entries(value)
    .map(([name, inner]) => {
      const tag = writtenKey(name);
      return inner === null ? `<${tag}/>` : `<${tag}>${writeXml(inner)}</${tag}>`;
    })
    .join("");
}
