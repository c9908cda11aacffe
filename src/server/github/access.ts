import { Refusal } from "../../core/errors.ts";
import type { Grant } from "../../core/grant.ts";
import { foldAscii } from "../../core/pattern.ts";
import type { Secret } from "../../core/secret.ts";
import type { Clock } from "../broker-parts.ts";
import type { Config } from "../config.ts";
import type { Network } from "../network.ts";
import type { ApiAccess, Secrets } from "../secrets.ts";
import { AppTokens } from "./app-tokens.ts";
import { RestFacts } from "./facts.ts";
import type { GitHubFacts, JobLog } from "./ports.ts";
import { GitHubRest, type RestOptions } from "./rest.ts";
import { type Trial, tryToken, trySession } from "./trial.ts";
import { WebJobLog } from "./web.ts";

/** Both ways to GitHub, with what is needed to try them; null where a broker does without. */
export interface GitHubAccess {
  readonly facts: GitHubFacts;
  readonly log: JobLog;
  readonly trials: {
    /** @param owners whose repositories the grants name */
    readonly api: ((owners: readonly string[]) => Promise<Trial>) | null;
    readonly session: (() => Promise<Trial>) | null;
  };
}

interface Parts {
  network: Network;
  clock: Clock;
  onBudget: NonNullable<RestOptions["onBudget"]>;
}

export function openGitHub(config: Config, secrets: Secrets, parts: Parts): GitHubAccess {
  const { api, session } = secrets;
  const { network } = parts;
  const tokens = api && tokensOf(api, config, parts);
  const { serverUrl: webUrl } = config.github;
  const log = session && new WebJobLog({ webUrl, session: (): Secret => session, network });
  return {
    facts: tokens ? factsBy(tokens, config, parts) : noFacts,
    log: log ?? noLog,
    trials: {
      api: tokens && ((owners) => tryEach(network, config.github.apiUrl, tokens, owners)),
      session: log && (() => trySession(log.session)),
    },
  };
}

type Tokens = Pick<RestOptions, "token" | "budgetOf">;

function tokensOf(api: ApiAccess, config: Config, { network, clock }: Parts): Tokens {
  if (api.kind === "token") return { token: () => Promise.resolve(api.token) };
  const tokens = new AppTokens({ app: api.app, apiUrl: config.github.apiUrl, network, clock });
  return {
    token: (owner, refused) => tokens.token(owner, refused),
    // Each installation has a rate limit of its own: one that is used up stops its owner alone.
    budgetOf: foldAscii,
  };
}

function factsBy(tokens: Tokens, config: Config, { network, clock, onBudget }: Parts): RestFacts {
  const { apiUrl } = config.github;
  return new RestFacts(new GitHubRest({ ...tokens, apiUrl, network, now: clock.steady, onBudget }));
}

/** One token is tried once; an App's are tried for each owner, and the worst counts. */
async function tryEach(
  network: Network,
  apiUrl: string,
  { token, budgetOf }: Tokens,
  owners: readonly string[],
): Promise<Trial> {
  const tried = budgetOf ? owners : owners.slice(0, 1);
  const trials = await Promise.all(
    tried.map((owner) => tryToken(network, apiUrl, (refused) => token(owner, refused))),
  );
  return (
    trials.find(({ kind }) => kind === "refused") ??
    trials.find(({ kind }) => kind !== "good") ??
    trials[0] ?? { kind: "good" }
  );
}

/** Whose repositories the grants name: the owner is never a pattern. */
export function ownersOf(grants: readonly Grant[]): string[] {
  return [...new Set(grants.map(({ repository }) => repository.source.split("/")[0] ?? ""))];
}

const unread = (): Promise<never> =>
  Promise.reject(
    new Refusal("github_unavailable", {
      detail: "This broker has no access to GitHub's API, so it can't look the run up.",
      note: "neither GITHUB_TOKEN nor a GitHub App is configured",
    }),
  );

/** In a broker for OIDC alone: tokens are verified without asking; renewals can't be. */
const noFacts: GitHubFacts = {
  run: unread,
  openRuns: unread,
  jobs: unread,
  refs: unread,
  compare: unread,
};

const noLog: JobLog = {
  read: () =>
    Promise.reject(
      new Refusal("github_session_expired", {
        detail: "This broker has no session at GitHub, so it can't read logs.",
        note: "GITHUB_USER_SESSION is not configured",
      }),
    ),
  prepare: () => undefined,
};
