import { grantLike, roleOf } from "../../harness/config.ts";
import type { Bench } from "../../harness/bench.ts";
import type { Job } from "../../world/index.ts";
import type { User } from "../../world/github/model.ts";
import { noGrant, ofRun, runOf, type Scenes } from "./scene.ts";

export const peopleGrants = [
  grantLike("by-octocat", { actor: ["octocat"] }),
  grantLike("by-dependabot", { actor: ["dependabot[bot]"] }),
];

const octocat: User = { id: 583_231, login: "octocat", type: "User" };
const mallory: User = { id: 666, login: "mallory", type: "User" };
const dependabot: User = { id: 49_699_333, login: "dependabot[bot]", type: "Bot" };
const byOctocat = roleOf("by-octocat");

/** The second attempt of a run that somebody started twenty days ago. */
const ranAgain =
  (actor: User, triggeringActor: User) =>
  (bench: Bench): Job => {
    const createdAt = new Date(Date.now() - 20 * 86_400_000).toISOString();
    const { run } = runOf(bench, { actor, createdAt });
    const [again] = bench.world.github.rerun(run, { triggeringActor }).jobs;
    if (again === undefined) throw new Error("no job in the second attempt");
    return again;
  };

export const peopleScenes: Scenes = {
  "the actor whom the grant names is served (G-07)": {
    job: ofRun({}),
    role: byOctocat,
    verdict: "served",
  },
  "an actor whom the grant does not name is not (G-07)": {
    job: ofRun({ actor: mallory }),
    role: byOctocat,
    verdict: noGrant("actor"),
  },
  "an old run of a named actor that somebody else runs again is somebody else's (G-07)": {
    job: ranAgain(octocat, mallory),
    role: byOctocat,
    verdict: noGrant("actor"),
  },
  "an old run that the named actor runs again is theirs (G-07)": {
    job: ranAgain(octocat, octocat),
    role: byOctocat,
    verdict: "served",
  },
  "a run whose actor GitHub does not tell is nobody's (G-07)": {
    job: (bench) => {
      const job = runOf(bench);
      bench.world.github.api.transform(
        (body) => {
          body["triggering_actor"] = null;
        },
        { match: new RegExp(`/runs/${job.run.id}$`) },
      );
      return job;
    },
    role: byOctocat,
    verdict: noGrant("actor"),
  },
  "an actor is who has the login now, whatever account that is (G-17)": {
    job: ofRun({ actor: { ...octocat, id: 667 } }),
    role: byOctocat,
    verdict: "served",
  },
  "a bot's branch of the repository's own is not main (G-18)": {
    job: (bench) => {
      bench.world.github.push(bench.repository, "dependabot/npm/x", "bump x");
      return runOf(bench, { headBranch: "dependabot/npm/x", actor: dependabot });
    },
    verdict: noGrant("ref"),
  },
  "a bot's pull request is a pull request (G-18)": {
    job: (bench) => {
      bench.world.github.push(bench.repository, "dependabot/npm/y", "bump y");
      const run = { event: "pull_request", headBranch: "dependabot/npm/y", actor: dependabot };
      return runOf(bench, run);
    },
    verdict: noGrant("ref", "event"),
  },
  "a bot's push to main is a push to main (G-18)": {
    job: ofRun({ actor: dependabot }),
    verdict: "served",
  },
  "a bot's push to main is not that of the actor whom the grant names (G-18)": {
    job: ofRun({ actor: dependabot }),
    role: byOctocat,
    verdict: noGrant("actor"),
  },
  "a bot's push to main is served to the grant that names it (G-18)": {
    job: ofRun({ actor: dependabot }),
    role: roleOf("by-dependabot"),
    verdict: "served",
  },
};
