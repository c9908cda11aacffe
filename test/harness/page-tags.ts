import { writtenKey } from "./mutations.ts";

/** The attributes of a tag, unescaped not at all. */
type Attributes = Record<string, unknown>;

const tags = /<(check-steps?)\b([^>]*)>/g;
const attributes = /([\w-]+)(?:="([^"]*)")?/g;

/** What GitHub's job page says of a job's steps: the attributes of its `check-steps` and `check-step`s. */
export function tagsIn(page: string): Attributes[] {
  return [...page.matchAll(tags)].map(([, , text = ""]) =>
    Object.fromEntries([...text.matchAll(attributes)].map(([, name = "", value]) => [name, value])),
  );
}

/** The page with other attributes in these tags; a tag that is no object any more is left out. */
export function withTags(page: string, changed: unknown): string {
  const list = Array.isArray(changed) ? changed : [];
  let index = 0;
  return page.replace(tags, (_, tag: string) => {
    const given: unknown = list[index++];
    if (typeof given !== "object" || given === null) return `<!-- no ${tag} -->`;
    const written = Object.entries(given).map(([name, value]) =>
      value === null || value === undefined
        ? writtenKey(name)
        : `${writtenKey(name)}="${String(value)}"`,
    );
    return `<${tag}\n  ${written.join("\n  ")}>`;
  });
}
