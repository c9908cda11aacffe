import { z } from "zod";
import { Refusal } from "./errors.ts";

/**
 * What is read of GitHub's REST answers. Whatever a check needs must be there and of its type: a
 * missing field is an answer that can't be used, never a check that is left out (H-02).
 * Source: facts on the REST API; GitHub's OpenAPI description.
 */
const id = z.int().positive();
const sha = z.string().regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/);
const repository = z.object({ id, full_name: z.string().min(3) });
const actor = z.object({ login: z.string().min(1), id });

const run = z.object({
  id,
  run_number: z.int(),
  run_attempt: id,
  event: z.string().min(1),
  status: z.string().nullable(),
  conclusion: z.string().nullable(),
  path: z.string(),
  head_branch: z.string().nullish(),
  head_sha: sha,
  repository,
  head_repository: repository.nullish(),
  actor: actor.nullish(),
  triggering_actor: actor.nullish(),
  referenced_workflows: z
    .array(z.object({ path: z.string(), sha: z.string(), ref: z.string().nullish() }))
    .nullish(),
});

const job = z.object({
  id,
  run_id: id,
  run_attempt: z.int().nullish(),
  head_sha: sha,
  name: z.string(),
  status: z.string(),
  conclusion: z.string().nullable(),
  runner_name: z.string().nullish(),
});

const jobsPage = z.object({ total_count: z.int().nonnegative(), jobs: z.array(z.unknown()) });
const runsPage = z.object({ workflow_runs: z.array(z.object({ id, run_attempt: id })) });
const gitObject = z.object({ sha, type: z.string() });
const gitRef = z.object({ ref: z.string(), object: gitObject });
const annotatedTag = z.object({ object: gitObject });
const comparison = z.object({ status: z.enum(["identical", "ahead", "behind", "diverged"]) });

export type Run = z.output<typeof run>;
export type Job = z.output<typeof job>;
type GitObject = z.output<typeof gitObject>;
export type GitRef = z.output<typeof gitRef>;
export type Comparison = z.output<typeof comparison>["status"];

export const parseRun = (json: unknown): Run => parse(run, json, "run");
export const parseJob = (json: unknown): Job => parse(job, json, "job");
export const parseJobsPage = (json: unknown): z.output<typeof jobsPage> =>
  parse(jobsPage, json, "jobs");
/** @returns the attempts that the runs of a list are in, by the ids of the runs */
export const parseRunsPage = (json: unknown): ReadonlyMap<number, number> =>
  new Map(
    parse(runsPage, json, "runs").workflow_runs.map((entry) => [entry.id, entry.run_attempt]),
  );
export const parseGitRef = (json: unknown): GitRef => parse(gitRef, json, "ref");
export const parseGitRefs = (json: unknown): GitRef[] => parse(z.array(gitRef), json, "refs");
/** @returns what the tag points at */
export const parseAnnotatedTag = (json: unknown): GitObject =>
  parse(annotatedTag, json, "tag").object;
export const parseComparison = (json: unknown): Comparison =>
  parse(comparison, json, "comparison").status;

function parse<T>(schema: z.ZodType<T>, json: unknown, what: string): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw unusable(
    `GitHub's ${what} lacks or changes ${result.error.issues[0]?.path.join(".") ?? "a field"}`,
  );
}

/** @param note for the broker's log; names fields, never values. */
export function unusable(note: string): Refusal {
  return new Refusal("github_unavailable", {
    detail: "GitHub's answer could not be understood.",
    retryAfter: 5,
    note,
  });
}
