import { json, type Answer } from "../answer.ts";
import type { Asked } from "./asked.ts";
import type { Json } from "./shapes.ts";
import type { State } from "./state.ts";

/**
 * One page of a list: 30 items unless `per_page` says otherwise, 100 at most.
 * The links are absolute and name the repository by its id, as GitHub's do.
 */
export function page<Item>(
  { state, repository, request, rest }: Asked,
  key: string,
  items: readonly Item[],
  shape: (state: State, item: Item) => Json,
): Answer {
  const size = Math.min(positive(request.query.get("per_page"), 30), 100);
  const number = positive(request.query.get("page"), 1);
  const last = Math.max(Math.ceil(items.length / size), 1);
  const link = (rel: string, to: number): string => {
    const query = new URLSearchParams(request.query);
    query.set("page", String(to));
    return `<${state.apiUrl}/repositories/${repository.id}${rest}?${query.toString()}>; rel="${rel}"`;
  };
  const links = [
    ...(number > 1 ? [link("prev", number - 1)] : []),
    ...(number < last ? [link("next", number + 1), link("last", last)] : []),
    ...(number > 1 ? [link("first", 1)] : []),
  ];
  const shown = items.slice((number - 1) * size, number * size).map((item) => shape(state, item));
  return json(
    { total_count: items.length, [key]: shown },
    200,
    links.length > 0 ? { link: links.join(", ") } : {},
  );
}

function positive(text: string | null, otherwise: number): number {
  const number = Number(text ?? "");
  return Number.isInteger(number) && number > 0 ? number : otherwise;
}
