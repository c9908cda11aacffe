/** The names in a pattern: `:name` is one segment, `*name` the rest of the path. */
type Names<Pattern extends string> = Pattern extends `${string}:${infer Name}/${infer Rest}`
  ? Name | Names<Rest>
  : Pattern extends `${string}:${infer Name}`
    ? Name
    : Pattern extends `${string}*${infer Name}`
      ? Name
      : never;

/** Gives what the path has in a name's place. */
export type Part<Pattern extends string> = (name: Names<Pattern>) => string;

/** Answers a path, or undefined to what is not its own. */
export type Route<Asked, Answer> = (pathname: string, asked: Asked) => Answer | undefined;

/** A route for GET, which all of them are. */
export function get<Pattern extends string, Asked, Answer>(
  pattern: Pattern,
  handle: (part: Part<Pattern>, asked: Asked) => Answer | undefined,
): Route<Asked, Answer> {
  const source = pattern
    .replaceAll(".", "\\.")
    .replace(/:(\w+)/g, "(?<$1>[^/]+)")
    .replace(/\*(\w+)/, "(?<$1>.+)");
  const expression = new RegExp(`^${source}$`);
  return (pathname, asked) => {
    const found = expression.exec(pathname);
    if (found === null) return undefined;
    return handle((name) => decoded(found.groups?.[name] ?? ""), asked);
  };
}

/** What the first route says that knows the path. */
export function dispatch<Asked, Answer>(
  routes: readonly Route<Asked, Answer>[],
  pathname: string,
  asked: Asked,
): Answer | undefined {
  for (const route of routes) {
    const answer = route(pathname, asked);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** An id in a path: digits alone, else nothing has it. */
export function id(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
