import { describe, expect, onTestFinished, test } from "vitest";
import { actions2aws } from "../harness/program.ts";
import { OperatedProgram } from "../harness/operated-program.ts";
import { tlsFront } from "../harness/tls-front.ts";
import { certificateFile } from "../harness/tls.ts";

const trusting = { NODE_EXTRA_CA_CERTS: certificateFile };

/** A broker whose GitHub is reached by TLS. @param host by which name */
async function secure(
  environment: Record<string, string>,
  host = "localhost",
): Promise<OperatedProgram> {
  const it = await OperatedProgram.start({ environment: () => environment });
  const { github } = it.world;
  const [web, api] = await Promise.all([
    tlsFront(() => github.webUrl),
    tlsFront(() => github.apiUrl),
  ]);
  onTestFinished(() => Promise.all([web.close(), api.close()]).then(() => undefined));
  const config = JSON.parse(it.config) as { github: object };
  config.github = {
    ...config.github,
    server_url: `https://${host}:${web.port}`,
    api_url: `https://${host}:${api.port}`,
  };
  it.configure(JSON.stringify(config));
  // What it has asked on its start, in the clear.
  await it.get("/readyz");
  await it.reload();
  github.clearJournal();
  return it;
}

describe("GitHub by TLS (F-21)", () => {
  test("whose certificate is vouched for by NODE_EXTRA_CA_CERTS is GitHub, and the log says that it is so", async () => {
    const it = await secure(trusting);
    await (await it.client()).obtain();
    expect(it.log).toContainEqual(
      expect.objectContaining({
        level: 40,
        path: certificateFile,
        msg: expect.stringContaining("NODE_EXTRA_CA_CERTS"),
      }),
    );
  });

  test.for([
    ["that nobody vouches for", {}, "localhost"],
    ["that is another host's", trusting, "127.0.0.2"],
  ] as const)(
    "with a certificate %s is not asked, and is shown neither token nor cookie",
    async ([, environment, host]) => {
      const it = await secure(environment, host);
      const reply = await (await it.client()).attempt();
      expect(reply).toMatchObject({ status: 503, json: { code: "github_unavailable" } });
      expect(it.world.github.journal).toEqual([]);
      expect(it.world.sts.journal).toEqual([]);
      expect(it.audit).toMatchObject([{ decision: "denied", code: "github_unavailable" }]);
    },
  );

  test("does not lead to a log in the clear: its storage must be https as well (F-01)", async () => {
    const it = await secure(trusting);
    const { github } = it.world;
    const plain = await it.client();
    const challenge = await plain.challenge();
    plain.announce(challenge);
    github.completeStep(it.golden.job, "assume role");
    // The simulated storage is http, as no storage of GitHub's is.
    expect(await plain.ask(challenge)).toMatchObject({ json: { code: "github_unavailable" } });
    expect(github.storage.journal).toEqual([]);

    const { storageUrl } = github;
    const storage = await tlsFront(() => storageUrl);
    onTestFinished(() => storage.close());
    github.storageUrl = storage.url;
    await expect(plain.credentialsIn(await plain.ask(challenge))).resolves.toBeDefined();
    expect(github.storage.journal.map(({ headers }) => headers.cookie)).toEqual([undefined]);
  });
});

test.for([
  ["that nobody vouches for is not asked", {}, 503],
  ["that is vouched for gives credentials", trusting, 200],
] as const)("AWS with a certificate %s (F-21)", async ([, environment, status]) => {
  let stsUrl = "";
  const front = await tlsFront(() => stsUrl);
  onTestFinished(() => front.close());
  const it = await OperatedProgram.start({
    environment: ({ sts }) => {
      stsUrl = sts.url;
      return { ...environment, AWS_ENDPOINT_URL_STS: front.url };
    },
  });
  expect(await (await it.client()).attempt()).toMatchObject({ status });
  expect(it.world.sts.journal).toHaveLength(status === 200 ? 1 : 0);
});

describe("with NODE_TLS_REJECT_UNAUTHORIZED=0 (F-21)", () => {
  const off = { NODE_TLS_REJECT_UNAUTHORIZED: "0" };
  const secrets = { GITHUB_TOKEN: "canary", GITHUB_USER_SESSION: "canary" };

  test.for([
    ["serve", "--config", "any.yml"],
    ["record", "--repository", "acme/app", "--run", "1", "--out", "new"],
  ])("%s does not start", async (words) => {
    const ended = await actions2aws(words, { ...secrets, ...off });
    expect(ended).toEqual({
      exitCode: 2,
      stdout: "",
      stderr: expect.stringMatching(/^actions2aws: NODE_TLS_REJECT_UNAUTHORIZED=0 .*unset it\n$/),
    });
  });
});
