import type { Body } from "./broker-client.ts";
import { type Failure, usageError } from "./failure.ts";
import { say } from "./host.ts";
import { type Means, proveByLog } from "./log-proof.ts";
import { NoToken, findTokenService } from "./oidc-token.ts";
import type { ProofKind } from "./proof-kind.ts";
import { TurnedAway } from "./refusal-line.ts";
import { TokenSource, proveByToken } from "./token-proof.ts";

/** Whom the tokens are for, and whether the runner is told to hide them. */
export interface Tokens {
  readonly broker: URL;
  readonly masks: boolean;
}

/** Proves which job this is: by a token where there are tokens, else by the log, as `--proof` says. */
export function prove(kind: ProofKind, means: Means, to: Tokens): Promise<Body> {
  const tokens = kind === "log" ? null : tokensFor(means, to);
  if (tokens === null) {
    if (kind === "oidc") throw noService();
    return proveByLog(means, null);
  }
  return kind === "oidc" ? proveByToken(means, tokens) : byTokenElseLog(means, tokens);
}

/** @returns null where there are no tokens: what is left is the log, which not all can show. */
export function proveSilently(kind: ProofKind, means: Means, to: Tokens): Promise<Body> | null {
  const tokens = kind === "log" ? null : tokensFor(means, to);
  return tokens && proveByToken(means, tokens);
}

async function byTokenElseLog(means: Means, tokens: TokenSource): Promise<Body> {
  try {
    return await proveByToken(means, tokens);
  } catch (error) {
    if (wantsLog(error)) return proveByLog(means, tokens);
    const cannot =
      error instanceof NoToken || (error instanceof TurnedAway && error.code === "oidc_invalid");
    if (!cannot) throw error;
    // A broker that only knows the log refuses every token: it must not see another.
    say(means.host, `${error.message}; going on with the log proof`);
    return proveByLog(means, null);
  }
}

/** A grant with `proof: log` or `both`; all else of it fits. */
export function wantsLog(error: unknown): boolean {
  return (
    error instanceof TurnedAway &&
    error.code === "no_grant" &&
    error.fields.length === 1 &&
    error.fields[0] === "proof"
  );
}

function tokensFor({ asked, deadline, host }: Means, to: Tokens): TokenSource | null {
  const service = findTokenService(host.env);
  const { publicKey } = asked.key;
  return service && new TokenSource(service, { ...to, publicKey, deadline }, host);
}

function noService(): Failure {
  return usageError(
    "give the job `permissions: id-token: write`: there is no ACTIONS_ID_TOKEN_REQUEST_URL",
  );
}
