import type { Job } from "../world/index.ts";
import type { Kind, Scene } from "./changed-answers.ts";
import { roleOf } from "./config.ts";
import type { HonestSession } from "./identity-verdict.ts";
import { fields, type Listed } from "./single-changes.ts";

type Lists = Partial<Record<Kind, Listed & { readonly scene: Scene }>>;

/** Which fields of GitHub's REST API the log proof's checks use. */
export const restAnswers = {
  run: {
    scene: "at the branch's tip",
    exact: fields(`
      id run_attempt event status conclusion path head_branch head_sha
      repository.id head_repository.id
    `),
    folded: fields("repository.full_name triggering_actor.login"),
    used: fields(`
      (all) run_number repository head_repository head_repository.full_name
      triggering_actor triggering_actor.id
      referenced_workflows.0.path referenced_workflows.0.sha
    `),
    optional: {
      actor: "who started the run is told in the audit, and decides nothing",
      "actor.id": "as above",
      "actor.login": "as above",
      referenced_workflows: "GitHub may leave it out where a run calls none; see below",
      "referenced_workflows.0": "as above",
      "referenced_workflows.0.ref": "the ref stands in the path too",
    },
    tagged: {
      run_number: "github:run",
      "repository.full_name": "github:repo",
      head_commit: "github:author",
      "head_commit.author": "github:author",
      "head_commit.author.email": "github:author",
    },
  },
  jobs: {
    scene: "at the branch's tip",
    exact: fields(`
      total_count jobs.0.id jobs.0.run_id jobs.0.head_sha jobs.0.name
      jobs.0.status jobs.0.conclusion
    `),
    used: fields("(all) jobs jobs.0"),
    optional: {
      "jobs.0.run_attempt": "the list is the attempt's own",
      "jobs.0.runner_name": "the request names the job by its id",
    },
  },
  branch: {
    scene: "at the branch's tip",
    exact: fields("ref object.sha object.type"),
    used: fields("(all) object"),
  },
  comparison: {
    scene: "behind the branch's tip",
    exact: fields("status"),
    used: fields("(all)"),
  },
  "matching tags": {
    scene: "of an annotated tag",
    exact: fields("0.ref 0.object.sha"),
    used: fields("(all) 0 0.object 0.object.type"),
  },
  "annotated tag": {
    scene: "of an annotated tag",
    exact: fields("object.sha object.type"),
    used: fields("(all) object"),
  },
} as const satisfies Lists;

const timesOf = (step: number): Record<string, string> => ({
  [`${step}.conclusion`]: "a step in progress has none",
  [`${step}.started_at`]: "the live feed's items have no times to compare with",
  [`${step}.completed_at`]: "as above",
});

/** The same for its web pages. The pinned step is the second of two. */
export const webAnswers = {
  "live feed": {
    scene: "at the branch's tip",
    exact: fields("lines.0.line"),
    used: fields("(all) lines lines.0"),
  },
  steps: {
    scene: "at the branch's tip",
    exact: fields("1.id 1.name 1.status"),
    used: fields("(all) 1 1.number 0.id 0.name 0.status 0.number"),
    optional: { "0": "another step than the pinned one", ...timesOf(0), ...timesOf(1) },
  },
  "job page": {
    scene: "at the branch's tip",
    used: fields("(all)"),
    optional: {
      "0": "the tag around all steps, with the steps' address",
      "0.data-job-steps-url": "the id in it stands in each step's address too",
      "1.data-job-step-backscroll-url": "as above",
      "2.data-job-step-backscroll-url": "as above",
    },
  },
} as const satisfies Lists;

/** What AWS is asked for these cases' runs when nothing is changed. */
export function honestByLog({ run, id, name }: Job): HonestSession {
  return {
    role: roleOf("pinned"),
    tags: {
      "github:jobId": id,
      "github:runId": run.id,
      "github:run": run.runNumber,
      "github:job": name,
      "github:commit": run.headSha,
      "github:repo": "acme/app",
      "github:author": "octocat@example.com",
    },
  };
}
