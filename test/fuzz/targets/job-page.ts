import assert from "node:assert/strict";
import { isUuid, readJobPage } from "../../../src/server/github/job-page.ts";
import { addJob, addRepository, addRun, addStep } from "../../world/github/builders.ts";
import { jobPage } from "../../world/github/page.ts";
import { State } from "../../world/github/state.ts";
import { type Honest, now } from "../honest.ts";
import type { Target } from "../target.ts";

const runPath = "/acme/app/actions/runs/5001";
const words = [
  "<check-steps",
  "</check-steps>",
  "<check-step",
  "</check-step>",
  ">",
  "<!--",
  "-->",
  "<![CDATA[",
  "<script>",
  "<form action=/session>",
  '"',
  "'",
  "&quot;",
  "&#60;",
  "&#x0;",
  "data-job-steps-url=",
  `data-job-steps-url="${runPath}/jobs/9999999999999999/steps"`,
  `data-job-step-backscroll-url="${runPath}/jobs/1/steps/x/backscroll"`,
  "data-name=",
  "data-external-id=",
  'data-conclusion="success"',
];

/** The page of a job: whatever it is, the ids in it fit into an address. */
export function openJobPage({ page, pageForStrangers }: Honest): Target {
  return {
    seeds: [page, pageForStrangers, '<form method="post" action="/session"></form>'],
    words,
    run(input) {
      const { internalId, steps } = readJobPage(input.toString(), runPath);
      assert(internalId === null || (Number.isSafeInteger(internalId) && internalId > 0));
      for (const { uuid } of steps) assert(isUuid(uuid));
    },
  };
}

/** The name of a step, which whoever writes the workflow chooses: on the page it reads as itself. */
export function openStepName(): Target {
  const state = new State(() => now);
  const job = addJob(state, addRun(state, addRepository(state), { id: 5_001 }), { id: 7_001 });
  const step = addStep(state, job);
  return {
    seeds: ["assume role", 'Set up <job> & "co"', "</check-steps>"],
    words,
    run(input) {
      step.name = input.toString();
      const { internalId, steps, isSignIn } = readJobPage(jobPage(state, job, true), runPath);
      assert.equal(internalId, job.internalId);
      assert.deepEqual(
        steps.map(({ name, uuid }) => [name, uuid]),
        job.steps.map(({ name, uuid }) => [name, uuid]),
      );
      assert(!isSignIn);
    },
  };
}
