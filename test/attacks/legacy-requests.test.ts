import { afterEach, describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { role, roleOf } from "../harness/config.ts";
import {
  askAsOriginal,
  type BinaryReply,
  legacyGrant,
  newOriginalKey,
  openedBy,
  originalJob,
  type OriginalJobOptions,
  send,
} from "../harness/original.ts";
import { bodyOf, codeOf } from "../harness/requests.ts";
import { calling, forkOf } from "../harness/scenes.ts";

const bench = useBench({
  attacks: true,
  grants: [
    legacyGrant("legacy"),
    legacyGrant("by-token", { proof: "oidc" }),
    legacyGrant("by-both", { proof: "both" }),
    legacyGrant("production", { proof: "either", environment: ["production"] }),
    legacyGrant("by-octocat", { actor: ["octocat"] }),
  ],
  settings: { public_url: "https://broker.example.com/a2a/prod" },
});

const github = () => bench().world.github;
const sts = () => bench().world.sts;

/** An honest job of the original's asks, but for this. */
async function asked(
  change: object = {},
  options: OriginalJobOptions = {},
  path?: string,
): Promise<BinaryReply> {
  const { line } = await newOriginalKey();
  return askAsOriginal(bench(), originalJob(bench(), line, options), change, path);
}

/** It was refused so, and not even an age file came. */
async function expectDenied(
  answer: BinaryReply,
  code: string,
  fields?: readonly string[],
): Promise<void> {
  expect(answer.text).not.toContain("age-encryption.org");
  expect(bodyOf(answer).fields).toEqual(fields);
  await bench().expectDenied(answer, code, fields);
  expect(bench().records).toMatchObject([{ proof: "legacy" }]);
}

/** T7: the original's honest job is served beside whatever has been tried. */
afterEach(async () => {
  const key = await newOriginalKey();
  const answer = await askAsOriginal(bench(), originalJob(bench(), key.line));
  await expect(openedBy(key, answer)).resolves.toHaveProperty("SecretAccessKey");
});

const from =
  (options: OriginalJobOptions, change: object = {}) =>
  (): Promise<BinaryReply> =>
    asked(change, options);
const mallory = { id: 666, login: "mallory", type: "User" };

type Denial = readonly [answer: () => Promise<BinaryReply>, code: string, fields?: string[]];
const denials: Record<string, Denial> = {
  "for a role whose grant does not say legacy": [
    from({}, { RoleARN: role }),
    "no_grant",
    ["legacy"],
  ],
  "for a role that no grant gives (A-01)": [
    from({}, { RoleARN: roleOf("admin") }),
    "role_not_granted",
    ["role"],
  ],
  "for another repository (G-26)": [from({}, { Repo: "acme/other" }), "no_grant", ["repository"]],
  "for a grant that wants a token": [
    from({}, { RoleARN: roleOf("by-token") }),
    "no_grant",
    ["proof"],
  ],
  "for a grant that wants a token as well": [
    from({}, { RoleARN: roleOf("by-both") }),
    "no_grant",
    ["proof"],
  ],
  "for an environment, which the log does not prove (G-19)": [
    from({ job: { environment: "production" } }, { RoleARN: roleOf("production") }),
    "no_grant",
    ["environment"],
  ],
  "for who ran another's run again (G-07)": [
    from({ run: { triggeringActor: mallory } }, { RoleARN: roleOf("by-octocat") }),
    "no_grant",
    ["actor"],
  ],
  "for a fork's pull request (G-01)": [
    () => asked({}, { run: { event: "pull_request", headRepository: forkOf(bench()) } }),
    "fork",
    ["forks"],
  ],
  "for a reusable workflow that is not listed (G-11)": [
    () => asked({}, { run: { referencedWorkflows: [calling("other/ci", "v1")] } }),
    "no_grant",
    ["reusable_workflow"],
  ],
  "for a run of another event (G-05)": [
    from({ run: { event: "workflow_run" } }),
    "no_grant",
    ["event"],
  ],
  "for a job of another name": [from({}, { JobName: "lint" }), "job_not_found"],
  "for a job's name that two jobs have (G-10)": [
    async () => {
      const job = originalJob(bench(), (await newOriginalKey()).line);
      github().addJob(job.run);
      return askAsOriginal(bench(), job);
    },
    "job_ambiguous",
  ],
  "for a matrix that is named by its key alone (G-24)": [
    from({ job: { name: "test (1)" } }, { JobName: "test" }),
    "job_not_found",
  ],
  "for a job that is over (G-08)": [
    async () => {
      const job = originalJob(bench(), (await newOriginalKey()).line);
      github().completeJob(job);
      return askAsOriginal(bench(), job);
    },
    "not_in_progress",
  ],
  "for a job that was started again, whose old log holds a key (G-08)": [
    async () => {
      const job = originalJob(bench(), (await newOriginalKey()).line);
      github().rerun(job.run);
      return askAsOriginal(bench(), job);
    },
    "proof_pending",
  ],
  "for a run that GitHub does not have": [from({}, { RunId: "424242" }), "job_not_found"],
  "while the step is still in progress (L-23)": [
    async () => {
      const { job } = bench().newJob();
      github().addStep(job);
      github().say(job, "assume role", (await newOriginalKey()).line);
      return askAsOriginal(bench(), job);
    },
    "proof_pending",
  ],
  "before the step has begun (L-23)": [
    () => {
      const { job } = bench().newJob();
      github().addStep(job, { status: "queued" });
      return askAsOriginal(bench(), job);
    },
    "proof_pending",
  ],
  "for a step that announces nothing": [
    () => askAsOriginal(bench(), originalJob(bench(), "nothing")),
    "proof_invalid",
  ],
  ...Object.fromEntries(
    Object.entries({
      "a field more (H-05)": { Duration: "43200" },
      "a key of its own (L-15)": { PublicKey: "age1" },
      "a number for the run": { RunId: 5_001 },
      "a path in the repository (H-01)": { Repo: "acme/../evil/x" },
      "a field in another case (H-05)": { repo: "acme/app" },
      "no step": { StepName: undefined },
      "an empty job": { JobName: "" },
    }).map(([what, change]): [string, Denial] => [
      `with ${what}`,
      [from({}, change), "invalid_request"],
    ]),
  ),
};

test.for(Object.entries(denials))(
  "the original's request is refused %s",
  async ([, [answerOf, code, fields]]) => {
    const answer = await answerOf();
    await expectDenied(answer, code, fields);
    if (code === "proof_pending") expect(answer.headers.get("retry-after")).toBe("1");
  },
);

describe("the original's request", () => {
  test("for what no grant has, or that is no request, costs no call to GitHub (H-09)", async () => {
    const job = originalJob(bench(), (await newOriginalKey()).line);
    for (const change of [
      { Repo: "acme/other" },
      { RoleARN: roleOf("admin") },
      { RoleARN: role },
      { X: 1 },
    ])
      expect((await askAsOriginal(bench(), job, change)).status).toBeGreaterThanOrEqual(400);
    expect([bench().asked, sts().journal]).toEqual([[], []]);
  });

  test("sent forty times at once, by whomever, leads to one session and one answer (H-12, L-15)", async () => {
    const key = await newOriginalKey();
    const job = originalJob(bench(), key.line);
    bench().repeated = 40;
    const ask = (): Promise<BinaryReply> => askAsOriginal(bench(), job);
    const answers = await Promise.all(Array.from({ length: 40 }, ask));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(sts().assumed).toHaveLength(1);
    expect(bench().records).toHaveLength(1);
    await expect(openedBy(key, await ask())).resolves.toHaveProperty("AccessKeyId");
  });

  test.for(["/a2a", "/a2a/", "/a2a/prod//", "/A2A/prod", "/a2a/prod?x=1", "/?", "//"])(
    "finds nothing at %s",
    async (path) => {
      const answer = await asked({}, {}, path);
      expect([answer.status, codeOf(answer)]).toEqual([404, "not_found"]);
      expect(sts().journal).toEqual([]);
    },
  );

  test.for(["GET", "PUT", "DELETE", "PATCH"])("is none as %s", async (method) => {
    for (const path of ["/", "/a2a/prod"]) {
      const answer = await send(bench(), path, { method });
      expect([answer.status, codeOf(answer)]).toEqual([405, "method_not_allowed"]);
      expect(answer.headers.get("allow")).toBe("POST");
    }
    expect([sts().journal, bench().asked, bench().records]).toEqual([[], [], []]);
  });

  test("must be JSON, so that no browser's form is one (H-16)", async () => {
    const job = originalJob(bench(), (await newOriginalKey()).line);
    const body = JSON.stringify({ Repo: "acme/app", RunId: String(job.run.id) });
    for (const type of ["text/plain", "application/x-www-form-urlencoded", ""]) {
      const headers = { "content-type": type };
      const answer = await send(bench(), "/", { method: "POST", headers, body });
      expect([answer.status, codeOf(answer)]).toEqual([415, "unsupported_media_type"]);
    }
    expect(sts().journal).toEqual([]);
  });
});

describe("while GitHub is in trouble the original's client is told to come again, and AWS is not asked:", () => {
  test.for<[string, () => { remove: () => void }]>([
    ["REST answers 500 (F-03)", () => github().api.fault({ status: 500 })],
    ["the web answers 500 (F-03)", () => github().web.fault({ status: 500 })],
    ["the log's storage answers 500 (F-03)", () => github().storage.fault({ status: 500 })],
    [
      "the session has ended (F-02)",
      () => {
        github().session.state = "redirect";
        return { remove: () => void (github().session.state = "signed-in") };
      },
    ],
  ])("%s", async ([, trouble]) => {
    const key = await newOriginalKey();
    const job = originalJob(bench(), key.line);
    const fault = trouble();
    const answer = await askAsOriginal(bench(), job);
    fault.remove();
    expect(answer.status).toBe(503);
    expect(codeOf(answer)).toMatch(/^github_(?:unavailable|session_expired)$/);
    await expectDenied(answer, String(codeOf(answer)));
    expect(await openedBy(key, await askAsOriginal(bench(), job))).toHaveProperty("AccessKeyId");
  });
});
