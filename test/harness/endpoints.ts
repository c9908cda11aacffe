import { type Job, sha } from "../world/index.ts";
import type { Service } from "../world/service.ts";
import type { Bench } from "./bench.ts";
import { signingKey } from "./broker.ts";
import { madeBy } from "./challenges.ts";
import type { Client } from "./client.ts";
import { type Grant, grantLike, roleOf } from "./config.ts";

/** For runs of a branch or tag of their own, so that what is wrong with one of them touches no other. */
export const endpointsGrant: Grant = grantLike("endpoints", {
  ref: ["refs/heads/case-*", "refs/tags/case-*"],
});

/** A request that has GitHub asked for something at one of its endpoints. */
export interface Scene {
  readonly job: Job;
  readonly name: string;
  /** Sends it, or sends it again. */
  readonly ask: () => ReturnType<Client["ask"]>;
}

/** One of the places at which the broker asks GitHub something. */
export interface Endpoint {
  readonly of: (bench: Bench) => Service;
  readonly path: (scene: Scene) => RegExp;
  /** What makes the broker ask there. */
  readonly prepare?: (bench: Bench, scene: Omit<Scene, "ask">) => void;
  /** The pinned step has ended: its log is stored. */
  readonly ended?: true;
  /** What an answer leads to that may be right; whatever else comes is github_unavailable. */
  readonly means: Readonly<Record<string, string>>;
}

const api = ({ world }: Bench): Service => world.github.api;
const web = ({ world }: Bench): Service => world.github.web;
/** Whatever leads elsewhere: the repository is not what it was. */
const moved = { 300: "no_grant", 302: "no_grant", 304: "no_grant" };

export const endpoints: Readonly<Record<string, Endpoint>> = {
  "the run": {
    of: api,
    path: ({ job }) => new RegExp(`/runs/${job.run.id}$`),
    means: { 404: "job_not_found", ...moved },
  },
  "its jobs": {
    of: api,
    path: ({ job }) => new RegExp(`/runs/${job.run.id}/attempts/`),
    means: { 404: "job_not_found", ...moved },
  },
  "the branch": {
    of: api,
    path: ({ name }) => new RegExp(`/git/ref/heads/${name}$`),
    means: { 404: "no_grant", ...moved },
  },
  "tags of the branch's name": {
    of: api,
    path: ({ name }) => new RegExp(`/git/matching-refs/tags/${name}$`),
    // Servers without the search are asked for the tag itself; and none is what there should be.
    means: { 404: "served", "200 []": "served", ...moved },
  },
  "an annotated tag": {
    of: api,
    path: ({ name }) => new RegExp(`/git/tags/${sha(`tag ${name}`)}$`),
    prepare: ({ repository }, { name, job }) => {
      repository.branches.delete(name);
      repository.tags.set(name, sha(`tag ${name}`));
      repository.tagObjects.set(sha(`tag ${name}`), job.run.headSha);
    },
    means: moved,
  },
  "the comparison with the branch's tip": {
    of: api,
    path: ({ job }) => new RegExp(`/compare/${job.run.headSha}\\.\\.\\.`),
    prepare: ({ world, repository }, { name }) => {
      world.github.push(repository, name, `${name} moved on`);
    },
    means: { 404: "no_grant", ...moved },
  },
  "the job's page": {
    of: web,
    path: ({ job }) => new RegExp(`/runs/${job.run.id}/job/`),
    means: { 404: "github_session_expired" },
  },
  "the steps": {
    of: web,
    path: ({ job }) => new RegExp(`/jobs/${job.internalId}/steps\\?`),
    means: { 404: "proof_pending", "200 []": "proof_pending" },
  },
  "the live feed": {
    of: web,
    path: ({ job }) => new RegExp(`/jobs/${job.internalId}/steps/[^?]+/backscroll`),
    means: { 404: "proof_pending", "200 {}": "proof_pending" },
  },
  "a stored log": {
    of: web,
    path: ({ job }) => new RegExp(`/checks/${job.id}/logs/`),
    ended: true,
    // With an address of the storage, as it should be.
    means: { ...storedLog(), 302: "served" },
  },
  "the storage of logs": {
    of: ({ world }) => world.github.storage,
    path: ({ job }) => new RegExp(`/logs/${job.internalId}/`),
    ended: true,
    means: storedLog(),
  },
};

/** Any text is a log, in which the announcement does not stand; none may still come. */
function storedLog(): Record<string, string> {
  const texts = ["{}", "[]", "null", "0", '"canary"', '{"canary":'];
  return {
    404: "proof_pending",
    "200 ": "proof_pending",
    ...Object.fromEntries(texts.map((text) => [`200 ${text}`, "proof_invalid"])),
  };
}

/** A job whose pinned step has announced its key, on a branch that nobody else has. */
export async function sceneAt(bench: Bench, endpoint: Endpoint, name: string): Promise<Scene> {
  const { world, repository } = bench;
  world.github.push(repository, name, `${name} first`);
  const { job } = bench.newJob({ run: { headBranch: name } });
  endpoint.prepare?.(bench, { job, name });
  const client = await bench.client(job);
  // Not the broker's own, for which it would look ahead.
  const challenge = madeBy(signingKey, world, job, client.publicKey, Date.now());
  client.announce(challenge);
  if (endpoint.ended) world.github.completeStep(job, "assume role");
  return { job, name, ask: () => client.ask(challenge, { role: roleOf("endpoints") }) };
}
