import { json, type Answer, type Request } from "../answer.ts";
import { appAnswer, installationAnswer } from "./app.ts";
import { overLimit, rateLimit } from "./budget.ts";
import { badCredentials, notFound } from "./errors.ts";
import type { Repository } from "./model.ts";
import { repositoryRoutes } from "./repository-routes.ts";
import { dispatch } from "./route.ts";
import type { State } from "./state.ts";

/** The REST API. */
export function restAnswer(state: State, request: Request): Answer {
  const app = appAnswer(state, request);
  if (app !== undefined) return app;
  if (request.pathname === "/rate_limit" && authorized(state, request)) return rateLimit(state);
  const limited = overLimit(state);
  if (limited !== undefined) return limited;

  const place = locate(state, request.pathname);
  if (place !== undefined && place.rest === "/installation" && request.method === "GET") {
    return installationAnswer(state, request, place.repository);
  }
  const reach = authorized(state, request);
  if (reach === undefined) return badCredentials();
  if (place === undefined || !reach(place.repository)) return notFound();
  if (place.moved) return moved(state, place.repository, place.rest, request);
  if (request.method !== "GET") return notFound();
  const asked = { state, repository: place.repository, request, rest: place.rest };
  return dispatch(repositoryRoutes, place.rest, asked) ?? notFound();
}

/** Which repositories the caller's token reaches; undefined when it is no token at all. */
function authorized(
  state: State,
  request: Request,
): ((repository: Repository) => boolean) | undefined {
  const [, token = ""] = /^(?:bearer|token) (.+)$/i.exec(request.headers.authorization ?? "") ?? [];
  if (token === state.token) return () => true;
  const issued = state.installationTokens.get(token);
  if (issued === undefined || issued.expiresAt <= state.now()) return undefined;
  const { account, repositories } = issued.installation;
  return (repository) =>
    repository.owner.login.toLowerCase() === account.toLowerCase() &&
    (repositories?.has(repository.id) ?? true);
}

interface Place {
  readonly repository: Repository;
  /** The path after the repository. */
  readonly rest: string;
  /** Asked for by a name that it no longer has. */
  readonly moved: boolean;
}

function locate(state: State, pathname: string): Place | undefined {
  const [, owner, name, byName = ""] = /^\/repos\/([^/]+)\/([^/]+)(\/.*)?$/.exec(pathname) ?? [];
  if (owner !== undefined && name !== undefined) {
    const repository = state.repositoryNamed(owner, name);
    if (repository !== undefined) return { repository, rest: byName, moved: false };
    const former = state.formerlyNamed(owner, name);
    return former && { repository: former, rest: byName, moved: true };
  }
  const [, number, byId = ""] = /^\/repositories\/(\d+)(\/.*)?$/.exec(pathname) ?? [];
  const repository = number === undefined ? undefined : state.repositoryWithId(Number(number));
  return repository && { repository, rest: byId, moved: false };
}

function moved(state: State, repository: Repository, rest: string, request: Request): Answer {
  const query = request.path.slice(request.pathname.length);
  const url = `${state.apiUrl}/repositories/${repository.id}${rest}${query}`;
  const documentation =
    "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects";
  return json({ message: "Moved Permanently", url, documentation_url: documentation }, 301, {
    location: url,
  });
}
