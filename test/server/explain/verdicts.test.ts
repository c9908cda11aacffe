import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { proofLine } from "../../../src/core/announcement.ts";
import { legalValue } from "../../../src/core/tags.ts";
import { roleArn } from "../../core/golden.ts";
import { ask } from "../../world/ask.ts";
import { sha } from "../../world/index.ts";
import { Client, goldenGrant, Stage } from "../broker.ts";
import { explained, recordWorld, replay } from "../record/recorded.ts";

interface Scene {
  readonly code: string;
  /** How GitHub is, before anything is asked. */
  readonly world?: (stage: Stage) => void;
  /** What is in the log besides the announcement, or in its place. */
  readonly says?: (stage: Stage, client: Client, challenge: string) => void | Promise<void>;
  readonly asks?: object;
  /** What has changed is GitHub's list, whose answers the broker shares for a moment. */
  readonly later?: true;
  readonly grants?: string;
}

const step = "assume role";
const announce = ({ world, golden }: Stage, { publicKey }: Client, challenge: string): void =>
  world.github.say(golden.job, step, proofLine(publicKey, challenge));
const complete = ({ world, golden }: Stage, conclusion?: "failure"): void =>
  void world.github.completeStep(golden.job, step, conclusion);
const again = (stage: Stage) => async (change: string) => {
  const other = await Client.of(stage);
  return proofLine(other.publicKey, change);
};

/** The scenes of the catalogue that a recording can hold (P-07, T8). */
const scenes: Record<string, Scene> = {
  "the golden case, in progress": { code: "ok" },
  "the golden case, by the step's stored log": {
    code: "ok",
    says: (stage, client, challenge) => {
      announce(stage, client, challenge);
      complete(stage);
    },
  },
  "a session as long as the grant gives": { code: "ok", asks: { duration_seconds: 3_600 } },
  "a session that is too long": { code: "no_grant", asks: { duration_seconds: 3_601 } },
  "a branch that has moved on since": {
    code: "ok",
    world: ({ world, golden }) => void world.github.push(golden.repository, "main", "newer"),
  },
  "a commit that the branch no longer has (G-22)": {
    code: "no_grant",
    world: ({ golden }) => void golden.repository.branches.set("main", sha("1001 second")),
  },
  "a branch and a tag of one name (G-03)": {
    code: "ref_ambiguous",
    world: ({ golden }) => void golden.repository.tags.set("main", golden.run.headSha),
  },
  "a tag in place of the branch (G-03)": {
    code: "no_grant",
    world: ({ golden }) => {
      golden.repository.branches.delete("main");
      golden.repository.tags.set("main", golden.run.headSha);
    },
  },
  "another branch": {
    code: "no_grant",
    world: ({ world, golden }) => {
      const headSha = world.github.push(golden.repository, "feature", "work");
      Object.assign(golden.run, { headBranch: "feature", headSha });
    },
  },
  "a fork (G-01)": {
    code: "fork",
    world: ({ world, golden }) => {
      const fork = world.github.addRepository({ owner: "mallory", forkOf: golden.repository });
      Object.assign(golden.run, { event: "pull_request", headRepository: fork });
    },
  },
  "another event (G-05)": {
    code: "no_grant",
    world: ({ golden }) => void Object.assign(golden.run, { event: "pull_request_target" }),
  },
  "another workflow": {
    code: "no_grant",
    world: ({ golden }) => void Object.assign(golden.run, { path: ".github/workflows/x.yml" }),
  },
  "another job": {
    code: "no_grant",
    world: ({ golden }) => void Object.assign(golden.job, { name: "lint" }),
  },
  "a workflow that is called and not listed (G-11)": {
    code: "no_grant",
    world: ({ golden }) => {
      const called = { path: "evil/ci/.github/workflows/x.yml@v1", sha: sha("x"), ref: "v1" };
      Object.assign(golden.run, { referencedWorkflows: [called] });
    },
  },
  "a step that the grant does not name": { code: "no_grant", asks: { step: "lint" } },
  "a role that nobody gives": {
    code: "role_not_granted",
    asks: { role: "arn:aws:iam::123456789012:role/admin" },
  },
  "two jobs of one name (G-10)": {
    code: "job_ambiguous",
    world: ({ world, golden }) => void world.github.addJob(golden.run),
    asks: { job: { name: "deploy" } },
  },
  "no such job": { code: "job_not_found", asks: { job: { name: "nobody" } } },
  "a job that is over (G-08)": {
    code: "not_in_progress",
    later: true,
    says: (stage, client, challenge) => {
      announce(stage, client, challenge);
      stage.world.github.completeJob(stage.golden.job);
    },
  },
  "a job that waits": {
    code: "not_in_progress",
    world: ({ golden }) => void Object.assign(golden.job, { status: "queued" }),
    says: () => undefined,
  },
  "two steps of the pinned name (L-14)": {
    code: "proof_ambiguous",
    world: ({ world, golden }) => void world.github.addStep(golden.job, { name: step }),
  },
  "another key beside it (L-07)": {
    code: "proof_ambiguous",
    says: async (stage, client, challenge) => {
      announce(stage, client, challenge);
      stage.world.github.say(stage.golden.job, step, await again(stage)(challenge));
    },
  },
  "a step that has ended without a word": {
    code: "proof_invalid",
    says: (stage) => {
      stage.world.github.say(stage.golden.job, step, "hello");
      complete(stage);
    },
  },
  "a step that has failed": {
    code: "proof_invalid",
    says: (stage, client, challenge) => {
      announce(stage, client, challenge);
      complete(stage, "failure");
    },
  },
  "an announcement in the midst of an item (L-02)": {
    code: "proof_invalid",
    says: ({ world, golden }, { publicKey }, challenge) => {
      world.github.liveItem(golden.job, step, `x\n${proofLine(publicKey, challenge)}\nx`);
      world.github.completeStep(golden.job, step);
    },
  },
  "an announcement that a mask has cut (L-09)": {
    code: "proof_invalid",
    says: ({ world, golden }, { publicKey }, challenge) => {
      const masked = proofLine(publicKey, challenge).replace(challenge.slice(-8), "***");
      world.github.say(golden.job, step, masked);
    },
  },
  "an announcement that is not there yet": { code: "proof_pending", says: () => undefined },
  "two grants that differ (P-05)": {
    code: "no_grant",
    grants: `${goldenGrant}${goldenGrant.replace("name: app-deploy", "name: other")}    max_duration: 2h\n`,
  },
  "a tag that has no value": {
    code: "no_grant",
    grants: `${goldenGrant}    tags: { x: run.nothing }\n`,
  },
  "a grant that wants a token as well": {
    code: "no_grant",
    grants: `${goldenGrant}    proof: both\n`,
  },
};

describe("the verdict of explain on a recording is the server's, on GitHub and on the recording:", () => {
  test.for(Object.entries(scenes))("%s", async ([, scene]) => {
    const { says = announce, asks = {}, world } = scene;
    const stage = await Stage.open({
      ...(scene.grants !== undefined && { grants: scene.grants }),
      more: "public_url: https://broker.example.com",
    });
    world?.(stage);
    const client = await Client.of(stage);
    const { challenge, ticket } = await client.challenge();
    await says(stage, client, challenge);
    if (scene.later) await sleep(2_000);
    const written = await recordWorld(stage.world.github);
    const url = await replay(stage, written.folder);
    const body = { ...client.run, job: { id: 7_001 }, role: roleArn, ticket, ...asks };
    const [live, replayed] = await Promise.all([post(stage.url, body), post(url, body)]);

    const { verdict, plan } = await explained(stage, written.folder, asks);

    expect(live.code).toBe(scene.code);
    expect(replayed.code).toBe(scene.code);
    expect(verdict).toMatchObject({
      allowed: scene.code === "ok",
      code: scene.code,
      fields: live.fields ?? [],
      ...(scene.code !== "ok" && { detail: live.detail }),
    });
    expect(replayed.fields).toEqual(live.fields);
    const [record] = stage.records();
    expect(verdict.grant).toBe(record?.grant ?? null);
    expect(plan).toEqual(scene.code === "ok" ? planIn(record) : null);
    expect([...written.files.values()].join("")).not.toMatch(/canary/i);
  });
});

interface Answer {
  readonly code?: string;
  readonly detail?: string;
  readonly fields?: readonly string[];
}

async function post(url: string, body: object): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  const init = { method: "POST", body: JSON.stringify(body) };
  const { status, json } = await ask(`${url}/v1/credentials`, headers, init);
  return { ...(status === 200 && { code: "ok" }), ...(json as Answer) };
}

/** The AssumeRole call, as the audit has it. */
function planIn(record: Record<string, unknown> | undefined): object {
  const tags = Object.entries(Object(record?.tags) as Record<string, string>);
  return expect.objectContaining({
    roleArn,
    sessionName: record?.session_name,
    durationSeconds: record?.duration_seconds,
    externalId: "acme/app",
    tags: tags.map(([key, value]) => ({ key, value: legalValue(value) })),
  }) as object;
}
