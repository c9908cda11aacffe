import type { Bench } from "../../harness/bench.ts";
import { grantLike, roleOf } from "../../harness/config.ts";
import { calling } from "../../harness/scenes.ts";
import { type Job, sha } from "../../world/index.ts";
import { noGrant, ofRun, retold, runOf, type Scenes, type Tables } from "./scene.ts";

const ci = "acme/ci/.github/workflows/deploy.yml";

export const workflowGrants = [
  grantLike("with-ci", { reusable_workflow: [`${ci}@refs/heads/main`] }),
  grantLike("with-commit", { reusable_workflow: [`${ci}@${sha("acme/ci")}`] }),
  grantLike("with-short-ref", { reusable_workflow: [`${ci}@v1`] }),
  grantLike("called", { job: ["release / deploy"] }),
];

const calls = (...references: object[]) => ofRun({ referencedWorkflows: references as never });
const withCi = roleOf("with-ci");

const calledScenes: Scenes = {
  "a called workflow that no grant lists is not trusted (G-11)": {
    job: calls(calling("other/ci", "v1")),
    verdict: noGrant("reusable_workflow"),
  },
  "a listed workflow is trusted (G-11)": {
    job: calls(calling("acme/ci", "refs/heads/main")),
    role: withCi,
    verdict: "served",
  },
  "a listed workflow is trusted by its commit (G-11)": {
    job: calls(calling("acme/ci", "refs/tags/v7")),
    role: roleOf("with-commit"),
    verdict: "served",
  },
  "a listed workflow at another ref is not (G-11)": {
    job: calls(calling("acme/ci", "refs/heads/evil")),
    role: withCi,
    verdict: noGrant("reusable_workflow"),
  },
  "a listed workflow at another commit is not (G-11)": {
    job: calls({ ...calling("acme/ci", "refs/heads/main"), sha: sha("evil") }),
    role: roleOf("with-commit"),
    verdict: noGrant("reusable_workflow"),
  },
  "a short ref may be a branch or a tag, and lists neither (G-11)": {
    job: calls(calling("acme/ci", "refs/heads/v1")),
    role: roleOf("with-short-ref"),
    verdict: noGrant("reusable_workflow"),
  },
  "one listed workflow does not vouch for another beside it (G-11)": {
    job: calls(calling("acme/ci", "refs/heads/main"), calling("other/ci", "refs/heads/main")),
    role: withCi,
    verdict: noGrant("reusable_workflow"),
  },
  "a repository whose name only begins like the run's own is not its own (G-11)": {
    job: calls(calling("acme/app-evil", "refs/heads/main")),
    verdict: noGrant("reusable_workflow"),
  },
  "a called workflow's job is not trusted while GitHub does not tell which workflows are called (G-11)":
    {
      job: ofRun({ referencedWorkflows: null }, { name: "release / deploy" }),
      role: roleOf("called"),
      verdict: noGrant("reusable_workflow"),
    },
  "a job of the run's own file calls nothing, told or not (G-11)": {
    job: ofRun({ referencedWorkflows: null }),
    verdict: "served",
  },
  "a called workflow of the run's own repository need not be listed (G-11)": {
    job: calls(calling("acme/app", "refs/heads/main")),
    verdict: "served",
  },
};

const paths = {
  "another file": ".github/workflows/test.yml",
  "a file of another repository": "evil/x/.github/workflows/deploy.yml@main",
  "a file of another repository at the run's own ref":
    "evil/x/.github/workflows/deploy.yml@refs/heads/main",
  "the file at another ref": ".github/workflows/deploy.yml@refs/heads/evil",
  "the file at a tag of another name": ".github/workflows/deploy.yml@refs/tags/v1",
  "the file at no ref": ".github/workflows/deploy.yml@",
  "the file at two refs": ".github/workflows/deploy.yml@refs/heads/main@refs/heads/evil",
  "a file below another folder": "x/.github/workflows/deploy.yml",
  "a file in a folder of other letters": ".GITHUB/workflows/deploy.yml",
  "a file of other letters": ".github/workflows/Deploy.yml",
  "a file with a look-alike letter": ".github/workflows/depl\u043Ey.yml",
  "a file with something behind its name": ".github/workflows/deploy.yml\n",
  "a file with something before its name": " .github/workflows/deploy.yml",
  "a file reached by a detour": ".github/workflows/../workflows/deploy.yml",
  "no file": "",
};

export const workflowTables: Tables = {
  "a path that is not the grant's whole path, of its repository and ref, is another workflow (G-12)":
    {
      rows: Object.fromEntries(
        Object.entries(paths).map(([what, path]) => [
          `${what}, ${JSON.stringify(path)}`,
          { job: ofRun({ path }) },
        ]),
      ),
      verdict: noGrant("workflow"),
    },
};

/** Another file of the repository that calls itself what the pinned one is called. */
function namesake(bench: Bench): Job {
  const job = runOf(bench, {
    path: ".github/workflows/evil.yml",
    name: ".github/workflows/deploy.yml",
    displayTitle: ".github/workflows/deploy.yml",
  });
  retold(bench, job, (body) => {
    body["workflow_name"] = ".github/workflows/deploy.yml";
  });
  return job;
}

export const workflowScenes: Scenes = {
  ...calledScenes,
  "the name of a workflow counts for nothing (G-12)": {
    job: namesake,
    verdict: noGrant("workflow"),
  },
  "the file at the run's own ref is the grant's workflow (G-12)": {
    job: ofRun({ path: ".github/workflows/deploy.yml@refs/heads/main" }),
    verdict: "served",
  },
  "the file at the run's own ref in short is the grant's workflow (G-12)": {
    job: ofRun({ path: "acme/app/.github/workflows/deploy.yml@main" }),
    verdict: "served",
  },
};
