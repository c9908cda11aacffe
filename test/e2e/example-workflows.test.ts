import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { useBench } from "../harness/bench.ts";
import type { Grant } from "../harness/config.ts";
import { type ExampleJob, folder, jobsOf, workflowIn } from "../harness/example-workflow.ts";
import type { Step } from "../harness/job.ts";
import { actions2aws } from "../harness/program.ts";
import { publicUrl } from "../harness/token-scene.ts";
import { type Repository, sha } from "../world/index.ts";

// examples/workflows: what their jobs would do, done, against the grants beside them.

/** The one commit of each branch and tag. */
const tipOfAll = sha("the tip");
const configurations = ["broker.yml", "enterprise-server.broker.yml"];
const settings = { public_url: publicUrl };
const grants = configurations.flatMap((file) => {
  return (parse(readFileSync(join(folder, file), "utf8")) as { grants: Grant[] }).grants;
});
const bench = useBench({ grants, settings, tokens: true });

let repositories: Record<"shop" | "billing" | "neighbour" | "fork", Repository>;

beforeAll(async () => {
  // Jobs show tokens to the address that they know, which comes with the first process.
  settings.public_url = bench().broker.url;
  await bench().restart();
  const { github } = bench().world;
  const tip = (name: string): Map<string, string> => new Map([[name, tipOfAll]]);
  const shop = { id: 1_296_269, name: "shop", branches: tip("main"), tags: tip("v1.2.0") };
  repositories = {
    shop: github.addRepository(shop),
    billing: github.addRepository({
      id: 4_711,
      owner: "payments",
      name: "billing",
      branches: tip("main"),
    }),
    neighbour: github.addRepository({
      id: 4_712,
      owner: "payments",
      name: "else",
      branches: tip("main"),
    }),
    fork: github.addRepository({
      id: 9_000,
      owner: "mallory",
      name: "shop",
      branches: tip("main"),
    }),
  };
  repositories.shop.branches.set("feature", tipOfAll);
});

interface Situation {
  readonly repository?: keyof typeof repositories;
  /** From the fork of somebody. */
  readonly fork?: boolean;
  readonly event: string;
  readonly ref: string;
  /** Which commit of the called workflow. */
  readonly calls?: string;
}

/** The run that this event makes of the workflow, with this one of its jobs, and the step that asks. */
async function asks(file: string, example: ExampleJob, situation: Situation): Promise<Step> {
  const { repository: name = "shop", fork = false, event, ref, calls } = situation;
  const repository = repositories[name];
  const called = calls ?? example.called;
  const head = {
    headBranch: ref.startsWith("refs/pull/") ? "main" : ref.replace(/^refs\/\w+\//, ""),
    headSha: tipOfAll,
    ...(fork && { headRepository: repositories.fork }),
  };
  const referencedWorkflows =
    called === null ? [] : [{ path: called, sha: called.split("@")[1] ?? "" }];
  const job = bench().newJob({
    repository,
    run: { event, ref, ...head, path: `.github/workflows/${file}`, referencedWorkflows },
    job: { name: example.name, environment: example.environment, jobWorkflowRef: called },
  });
  expect(example.env.ACTIONS2AWS_URL).toMatch(/^https:\/\/broker\.\w+\.example$/);
  const { ACTIONS2AWS_EXPECT_ACCOUNT: account, ...given } = example.env;
  // The simulated keys do not tell their account, as AWS's do; the role's ARN does.
  if (account !== undefined) expect(given.ACTIONS2AWS_ROLE).toContain(`:${account}:`);
  const env = {
    ...given,
    ACTIONS2AWS_URL: bench().broker.url,
    ACTIONS2AWS_JOB_ID: `${job.job.id}`,
  };
  return job.run(example.step, example.script.replace(/-- make \w+$/, `-- ${supplied}`), {
    env,
    idToken: example.idToken,
  });
}

/** In the place of a command that works for hours: what its AWS tools would do first. */
const supplied = `${process.execPath} -e 'fetch(process.env.AWS_CONTAINER_CREDENTIALS_FULL_URI, {
  headers: { authorization: fs.readFileSync(process.env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, "utf8") },
}).then((answer) => process.exit(answer.ok ? 0 : 1))'`;

interface Case {
  readonly file: string;
  readonly honest: readonly Situation[];
  readonly denied: readonly (readonly [
    why: string,
    Partial<Situation>,
    changes?: Partial<ExampleJob>,
  ])[];
}

const main = { event: "push", ref: "refs/heads/main" };
const pull = { event: "pull_request", ref: "refs/pull/7/merge" };
const other =
  "acme/ci/.github/workflows/deploy-service.yml@0123456789abcdef0123456789abcdef01234567";

const cases: readonly Case[] = [
  {
    file: "deploy.yml",
    honest: [main],
    denied: [
      ["from another branch", { ref: "refs/heads/feature" }],
      ["for another environment", {}, { environment: "staging" }],
      ["without a token", {}, { idToken: false }],
    ],
  },
  {
    file: "matrix.yml",
    honest: [main, { ...main, event: "schedule" }],
    denied: [
      ["from a job beside the matrix", {}, { name: "lint" }],
      ["from a pull request", pull],
      ["from another branch", { ref: "refs/heads/feature" }],
    ],
  },
  {
    file: "release.yml",
    honest: [{ event: "push", ref: "refs/tags/v1.2.0" }],
    denied: [
      ["from main", main],
      ["through another commit of the called workflow", { calls: other }],
      ["from a job that calls nothing", {}, { name: "release", called: null }],
    ],
  },
  {
    file: "pull-request.yml",
    honest: [{ ...pull, fork: true }, pull],
    denied: [
      ["with the base's rights", { event: "pull_request_target", ref: "refs/heads/main" }],
      ["from another job of it", {}, { name: "publish" }],
      ["for a role that matters", {}, { env: roleOfTests("shop-production") }],
    ],
  },
  {
    file: "long-job.yml",
    honest: [
      { ...main, event: "schedule" },
      { ...main, event: "workflow_dispatch" },
    ],
    denied: [
      ["from a push", main],
      ["from another branch", { ref: "refs/heads/feature" }],
      ["from a job of another name", {}, { name: "reindex (2)" }],
    ],
  },
  {
    file: "enterprise-server.yml",
    honest: [{ ...main, repository: "billing" }],
    denied: [
      ["from another repository of that owner", { repository: "neighbour" }],
      ["from a pull request", pull],
      [
        "from a step that the grant does not name",
        {},
        { step: "build", env: roleOfTests("billing-deploy", "build") },
      ],
    ],
  },
];

function roleOfTests(name: string, step = "assume role"): Record<string, string> {
  return {
    ACTIONS2AWS_URL: "https://broker.acme.example",
    ACTIONS2AWS_ROLE: `arn:aws:iam::123456789012:role/${name}`,
    ACTIONS2AWS_STEP_NAME: step,
    ACTIONS2AWS_PROOF: "log",
  };
}

describe.for(cases)("$file", ({ file, honest, denied }) => {
  const jobs = jobsOf(file);
  const [first] = jobs;
  const [usual] = honest;
  if (first === undefined || usual === undefined) throw new Error(`${file} has no job`);

  test.for(honest)("each job of it has its role, as after %o", async (situation) => {
    for (const example of jobs) {
      bench().begin();
      const step = await asks(file, example, situation);
      expect(step).toMatchObject({ exitCode: 0 });
      const { assumed } = bench().world.sts;
      expect(assumed).toMatchObject([{ roleArn: example.env.ACTIONS2AWS_ROLE }]);
      await bench().check();
    }
  });

  test.for(denied)("no role %s", async ([, changed, changes = {}]) => {
    const step = await asks(file, { ...first, ...changes }, { ...usual, ...changed });
    expect(step).toMatchObject({ exitCode: 3, stdout: "" });
    expect(bench().world.sts.journal).toEqual([]);
    expect(bench().records.map(({ decision }) => decision)).not.toContain("allowed");
    expect(await asks(file, first, usual)).toMatchObject({ exitCode: 0 });
  });
});

describe("the examples", () => {
  const files = readdirSync(folder).filter(
    (it) => it.endsWith(".yml") && !configurations.includes(it),
  );

  test.for([
    [
      "broker.yml",
      /^[^\n]*broker\.yml: warning: grant shop-pull-requests: runs from forks [^\n]*\n$/,
    ],
    ["enterprise-server.broker.yml", /^$/],
  ] as const)("%s loads, and warns of what its comments warn of", async ([file, warning]) => {
    const args = ["serve", "--config", join(folder, file), "--check"];
    const { exitCode, stderr } = await actions2aws(args);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(warning);
  });

  test("are all tried here", () => {
    const tried = [...cases.map(({ file }) => file), "deploy-service.yml"];
    expect(files.toSorted()).toEqual(tried.toSorted());
  });

  test("give request nothing that it does not know", async () => {
    const { stdout } = await actions2aws(["request", "--help"]);
    const given = files
      .flatMap((file) => Object.values(workflowIn(file).jobs))
      .flatMap(({ steps = [] }) =>
        steps.flatMap((step) =>
          step.uses?.includes("/request@") ? Object.keys(step.with ?? {}) : [],
        ),
      );
    expect(given.length).toBeGreaterThan(10);
    expect(given.filter((name) => !stdout.includes(`--${name} `))).toEqual([]);
  });

  test("give no job a permission that it does not name", () => {
    for (const file of files) {
      const { permissions, jobs } = workflowIn(file);
      expect(permissions).toEqual({});
      for (const job of Object.values(jobs))
        expect(job.permissions).toMatchObject({ contents: "read" });
    }
  });
});

test("a long job has new credentials while it is in progress, and none afterwards", async () => {
  const [example] = jobsOf("long-job.yml");
  const grant = { role: example?.env.ACTIONS2AWS_ROLE };
  const job = bench().newJob({
    repository: repositories.shop,
    run: {
      event: "schedule",
      path: ".github/workflows/long-job.yml",
      headSha: tipOfAll,
    },
    job: { name: example?.name ?? "" },
  });
  const client = await bench().client(job.job);
  const reply = await client.askByToken(client.token(settings.public_url), grant);
  const given = await client.credentialsIn(reply);
  const renewed = await client.credentialsIn(await client.renew(given.RenewalToken));
  job.complete();
  const late = await client.renew(renewed.RenewalToken);
  expect(late).toMatchObject({ status: 403, json: { code: "not_in_progress" } });
  expect(bench().world.sts.assumed).toHaveLength(2);
});
