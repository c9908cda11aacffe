import { describe, expect, test } from "vitest";
import { alone } from "../harness/alone.ts";
import { useBench } from "../harness/bench.ts";
import { grantLike, role, roleOf } from "../harness/config.ts";
import { startWorld } from "../world/index.ts";
import { play, runOf } from "./scenes/scene.ts";
import { repositoryGrants, repositoryScenes } from "./scenes/repositories.ts";

const bench = useBench({
  grants: [...repositoryGrants, grantLike("moved", { ref: "refs/heads/moved-*" })],
  attacks: true,
});

// G-14, G-26: what a repository's name and id stand for.
describe("of repositories,", () => {
  play(bench, repositoryScenes);
});

describe("a redirect is not followed, neither to the repository's own id nor to another host,", () => {
  const places: Record<string, (run: number, branch: string) => string> = {
    "for the run": (run) => `/runs/${run}$`,
    "for its jobs": (run) => `/runs/${run}/attempts/1/jobs`,
    "for its branch": (_run, branch) => `/git/ref/heads/${branch}$`,
    "for a tag of its branch's name": (_run, branch) => `/git/matching-refs/tags/${branch}$`,
  };
  const statuses = [301, 302, 307, 308];

  test.for(Object.entries(places))("%s (G-14)", async ([place, pathOf]) => {
    const { github } = bench().world;
    const other = await startWorld();
    try {
      const hosts = [github.apiUrl, other.github.apiUrl];
      const moves = statuses.flatMap((status) => hosts.map((host) => ({ status, host })));
      for (const [index, { status, host }] of moves.entries()) {
        const headBranch = `moved-${place.length}-${index}`;
        github.push(bench().repository, headBranch, `work on ${headBranch}`);
        const job = runOf(bench(), { headBranch });
        github.api.fault({
          match: new RegExp(pathOf(job.run.id, headBranch)),
          status,
          redirect: `${host}/repositories/1001/actions/runs/${job.run.id}`,
        });
        const reply = await (await bench().client(job)).attempt({ role: roleOf("moved") });
        await bench().expectDenied(reply, "no_grant", ["repository"]);
      }
      expect(other.github.journal).toEqual([]);
      expect(bench().asked.filter(({ path }) => path.startsWith("/repositories/"))).toEqual([]);
    } finally {
      await other.close();
    }
  });
});

describe("which GitHub is meant is the broker's to say:", () => {
  test("a job of another GitHub, with the same name and ids, is not the one that is asked for (G-21)", async () => {
    const other = await startWorld();
    try {
      // The golden job of either world is acme/app, run 5001, job 7001.
      const { job } = other.github.golden();
      const client = await bench().client(bench().golden.job);
      const challenge = await client.challenge();
      const announcement = `ACTIONS2AWS PROOF: ${client.publicKey} ${challenge.challenge}`;
      other.github.say(job, "assume role", announcement);
      await bench().expectDenied(await client.ask(challenge), "proof_pending");
      expect(other.github.journal).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test.for(["host", "server_url", "api_url", "repository_id"])(
    "a request that has a field %s is not well formed, and nobody is asked (G-21)",
    async (field) => {
      const client = await bench().client();
      const value = bench().world.sts.url;
      const challenge = await client.challenge();
      bench().world.github.clearJournal();
      for (const [path, more] of [
        ["/v1/challenges", {}],
        ["/v1/credentials", { role, ticket: challenge.ticket }],
      ] as const) {
        const reply = await client.post(path, { ...client.who, ...more, [field]: value });
        expect(reply).toMatchObject({ status: 400, json: { code: "invalid_request" } });
      }
      expect(bench().world.sts.journal).toEqual([]);
    },
  );
});

describe("one repository has one name,", () => {
  const spellings = ["acme/app", "ACME/App", "Acme/APP"];

  test("which GitHub spells, in tags, external id, record and answer (G-15)", async () => {
    const client = await bench().client();
    const challenge = await client.challenge({ repository: "ACME/App" });
    client.announce(challenge);
    const reply = await client.ask(challenge, { repository: "aCME/aPP" });
    const { RenewalToken } = await client.credentialsIn(reply);
    await client.credentialsIn(await client.renew(RenewalToken));
    for (const assumed of bench().world.sts.assumed)
      expect(assumed).toMatchObject({
        externalId: "acme/app",
        tags: { "github:repo": "acme/app" },
      });
    expect(bench().records.map(({ identity }) => identity)).toMatchObject([
      { repository: "acme/app" },
      { repository: "acme/app" },
    ]);
  });

  test("however it is written: a challenge is used once under all of them (G-15)", async () => {
    const client = await bench().client();
    const challenge = await client.challenge();
    client.announce(challenge);
    await client.credentialsIn(await client.ask(challenge));
    const replies = await Promise.all(
      ["ACME/app", "acme/APP"].map((repository) => client.ask(challenge, { repository })),
    );
    for (const reply of replies) expect(reply.json).toMatchObject({ code: "challenge_invalid" });
    expect(bench().world.sts.assumed).toHaveLength(1);
  });

  test(
    "however it is written: its limit is counted under all of them (G-15)",
    alone(
      async (limited) => {
        const codes: unknown[] = [];
        for (const repository of [...spellings, ...spellings]) {
          const client = await limited.client();
          const reply = await client.post("/v1/challenges", { ...client.who, repository });
          codes.push(reply.status);
        }
        expect(codes).toEqual([201, 201, 201, 201, 429, 429]);
      },
      { settings: { limits: { per_repository: "4/h" } } },
    ),
  );
});
