import { onTestFinished } from "vitest";
import { Secret } from "../../../src/core/secret.ts";
import { RestFacts } from "../../../src/server/github/facts.ts";
import { GitHubRest, type RestOptions } from "../../../src/server/github/rest.ts";
import { WebJobLog } from "../../../src/server/github/web.ts";
import { Network } from "../../../src/server/network.ts";
import { startWorld } from "../../world/index.ts";

/** The broker's way to GitHub and a simulated one at its end, on a clock that a test moves. */
export async function openGitHub(options: Partial<RestOptions> = {}) {
  const clock = { now: 1_000_000 };
  const world = await startWorld();
  const { github } = world;
  const network = new Network({ random: () => 0 });
  onTestFinished(async () => {
    await network.close();
    await world.close();
  });
  const rest = new GitHubRest({
    apiUrl: github.apiUrl,
    token: () => Promise.resolve(new Secret(github.token)),
    network,
    now: () => clock.now,
    ...options,
  });
  const webUrl = github.webUrl;
  const log = new WebJobLog({ webUrl, session: () => new Secret(github.session.cookie), network });
  return { clock, world, github, rest, facts: new RestFacts(rest), log, network };
}

export const runAddress = { repository: "acme/app", runId: 5_001, runAttempt: 1 };
