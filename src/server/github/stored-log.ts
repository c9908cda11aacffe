import { isIP } from "node:net";
import { Refusal } from "../../core/errors.ts";
import { unusable } from "../../core/github-answers.ts";
import { isLoopback } from "../../core/loopback.ts";
import { type Network, NetworkError } from "../network.ts";
import type { JobAddress } from "./ports.ts";
import type { GitHubSession } from "./session.ts";

/** A pinned step does little, so its log is small; a larger one is not decided on in part (L-13). */
const maxLogBytes = 4 * 2 ** 20;

/**
 * The log of a step that has ended. GitHub redirects to signed storage on another host: one hop, without
 * the cookie, to an address that could be storage (F-01, H-19).
 *
 * @param maxBytes a larger one is refused
 * @returns the text, or null while it is not there yet
 * @throws {Refusal} proof_invalid when it is too large to be a pinned step's, github_unavailable
 */
export async function readStoredLog(
  session: GitHubSession,
  network: Network,
  { repository, headSha, jobId }: JobAddress,
  stepNumber: number,
  maxBytes = maxLogBytes,
): Promise<string | null> {
  const path = `/${repository}/commit/${headSha}/checks/${jobId}/logs/${stepNumber}`;
  const answer = await session.get(path, "text/plain", maxBytes, tooLarge);
  if (answer.status === 404) return null;
  if (answer.status === 200) return asText(answer);
  const location = answer.headers.location;
  if (answer.status < 300 || answer.status >= 400 || location === undefined) {
    throw unusable(`GitHub's step log answered ${answer.status}`);
  }
  const stored = await fetchStored(network, storageUrl(location, session.origin), maxBytes);
  if (stored.status === 404) return null;
  if (stored.status !== 200) throw unusable(`the log's storage answered ${stored.status}`);
  return asText(stored);
}

async function fetchStored(
  network: Network,
  url: URL,
  maxBytes: number,
): ReturnType<Network["call"]> {
  try {
    return await network.call({ url: url.href, maxBytes });
  } catch (error) {
    const kind = error instanceof NetworkError ? error.kind : "error";
    if (kind === "too_large") throw tooLarge();
    throw new Refusal("github_unavailable", { retryAfter: 5, note: `log storage: ${kind}` });
  }
}

function tooLarge(): Refusal {
  return new Refusal("proof_invalid", {
    detail: "The pinned step's log is too large to be read whole.",
  });
}

/** https to a named host; a GitHub on loopback (tests, recordings) has its storage there too, and the log in the clear only if it is so itself. */
function storageUrl(location: string, origin: URL): URL {
  const url = URL.canParse(location, origin) ? new URL(location, origin) : null;
  const local = isLoopback(origin.hostname);
  const named =
    url !== null &&
    isIP(url.hostname.replace(/^\[|\]$/g, "")) === 0 &&
    !/(?:^|\.)localhost\.?$/.test(url.hostname);
  const fits =
    url !== null && !url.username && !url.password && (local ? isLoopback(url.hostname) : named);
  if (!fits || !["https:", origin.protocol].includes(url.protocol))
    throw unusable("the step log's address is not storage");
  return url;
}

/** A page in place of a log is not a log (L-18). */
function asText({
  headers,
  body,
}: {
  headers: Readonly<Record<string, string>>;
  body: string;
}): string {
  if (headers["content-type"]?.includes("html"))
    throw unusable("a page came in place of the step log");
  return body;
}
