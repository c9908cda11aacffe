import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export const bearer = "canary-bearer-of-the-job";

export interface TokenAsked {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, unknown>>;
}

type Reply = (asked: TokenAsked, response: ServerResponse) => unknown;

export interface ScriptedTokenService {
  /** The two variables that the runner sets. */
  readonly env: Record<string, string>;
  readonly journal: readonly TokenAsked[];
  /** The tokens that were given, in order. */
  readonly given: readonly string[];
  readonly audiences: readonly string[];
}

/** GitHub's endpoint for a job's OIDC tokens; answers in order, the last one again and again. */
export async function tokenService(replies: Reply[] = []): Promise<ScriptedTokenService> {
  const journal: TokenAsked[] = [];
  const given: string[] = [];
  const good: Reply = (_asked, response) => {
    const token = `eyJcanary.token${given.length + 1}.c2lnbmF0dXJl`;
    given.push(token);
    answer(response, 200, { count: token.length, value: token });
  };
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    journal.push({ method, url: new URL(url, "http://x"), headers });
    const reply = replies[Math.min(journal.length, replies.length) - 1] ?? good;
    const [last] = journal.slice(-1);
    if (last) reply(last, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    env: {
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/idtoken/1?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer,
    },
    journal,
    given,
    get audiences() {
      return journal.map(({ url }) => url.searchParams.get("audience") ?? "");
    },
  };
}

export function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}
