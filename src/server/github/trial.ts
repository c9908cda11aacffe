import { Refusal } from "../../core/errors.ts";
import type { Secret } from "../../core/secret.ts";
import { type Answer, type Network, NetworkError } from "../network.ts";
import { readJobPage } from "./job-page.ts";
import type { GitHubSession } from "./session.ts";

/**
 * What came of really using a credential. A problem is for the operator: never a secret, never a text
 * of GitHub's.
 */
export type Trial =
  /** `scopes`: what a classic token may do, as GitHub tells. */
  | { readonly kind: "good"; readonly scopes?: string }
  | { readonly kind: "refused"; readonly problem: string }
  | { readonly kind: "unreachable"; readonly problem: string }
  /** GitHub answered, and one can't tell by it: the page may have moved. */
  | { readonly kind: "unknown"; readonly problem: string };

/**
 * Asks with the token what is left of its rate limit: a call that costs none of it.
 *
 * @param token as in RestOptions: a token that is refused may have a successor
 */
export async function tryToken(
  network: Network,
  apiUrl: string,
  token: (refused?: Secret) => Promise<Secret>,
): Promise<Trial> {
  try {
    const first = await token();
    let answer = await askLimit(network, apiUrl, first);
    const other = answer.status === 401 ? await token(first) : first;
    if (other.reveal() !== first.reveal()) answer = await askLimit(network, apiUrl, other);
    const scopes = answer.headers["x-oauth-scopes"];
    // An Enterprise Server without rate limits answers 404 to whom it knows.
    if (answer.status === 200 || answer.status === 404)
      return { kind: "good", ...(scopes && { scopes }) };
    if (answer.status === 401)
      return { kind: "refused", problem: "GitHub refuses the token (401)" };
    return { kind: "unreachable", problem: `GitHub's REST API answered ${answer.status}` };
  } catch (error) {
    return untold(error, "GitHub's REST API");
  }
}

function askLimit(network: Network, apiUrl: string, token: Secret): Promise<Answer> {
  const headers = {
    accept: "application/vnd.github+json",
    authorization: `Bearer ${token.reveal()}`,
    "user-agent": "actions2aws",
    "x-github-api-version": "2022-11-28",
  };
  return network.call({ url: `${apiUrl}/rate_limit`, headers, maxBytes: 2 ** 20 });
}

/** Opens a page that only a signed-in reader gets. */
export async function trySession(session: GitHubSession): Promise<Trial> {
  try {
    const answer = await session.get("/settings/profile", "text/html", 4 * 2 ** 20);
    if (answer.status === 200) {
      return readJobPage(answer.body, "").isSignIn
        ? { kind: "refused", problem: "GitHub shows its sign-in page" }
        : { kind: "good" };
    }
    const problem = `GitHub's web answered ${answer.status}`;
    return { kind: answer.status >= 429 ? "unreachable" : "unknown", problem };
  } catch (error) {
    return untold(error, "GitHub's web");
  }
}

/** A refusal of ours says in its note what GitHub did. */
function untold(error: unknown, what: string): Trial {
  if (error instanceof NetworkError)
    return { kind: "unreachable", problem: `${what}: ${error.kind}` };
  if (!(error instanceof Refusal)) throw error;
  const kind = error.code === "github_session_expired" ? "refused" : "unreachable";
  return { kind, problem: error.note ?? error.message };
}
