import { grantLike, roleOf } from "../../harness/config.ts";
import { noGrant, ofRun, type Scenes, type Table, type Tables } from "./scene.ts";

/** Whoever can start or feed runs of these from outside; `serve --check` warns of a grant that names one. */
export const outsiderEvents = [
  "pull_request_target",
  "workflow_run",
  "issue_comment",
  "issues",
  "discussion",
  "discussion_comment",
  "repository_dispatch",
  "check_run",
  "check_suite",
  "label",
  "fork",
  "watch",
  "status",
  "gollum",
];

/** The others that are not granted unless they are named, and some that nobody has heard of. */
export const otherEvents = [
  "branch_protection_rule",
  "create",
  "delete",
  "deployment",
  "deployment_status",
  "dynamic",
  "image_version",
  "member",
  "merge_group",
  "milestone",
  "page_build",
  "project",
  "project_card",
  "project_column",
  "public",
  "pull_request",
  "pull_request_comment",
  "pull_request_review",
  "pull_request_review_comment",
  "registry_package",
  "release",
  "team_add",
  "workflow_call",
  "future_event",
];

const misspelt = ["Push", "PUSH", "push ", " push", "push\n", "pu\u200Bsh", "push,schedule", "*"];

export const eventGrants = [
  grantLike("usual-events", { event: undefined, ref: undefined }),
  grantLike("after-tests", { event: ["workflow_run"] }),
];

const role = roleOf("usual-events");
const rowsOf = (events: readonly string[]): Table["rows"] =>
  Object.fromEntries(events.map((event) => [JSON.stringify(event), { job: ofRun({ event }) }]));

export const eventTables: Tables = {
  "an event that outsiders can start or feed fits no grant that does not name it (G-05)": {
    rows: rowsOf(outsiderEvents),
    role,
    verdict: noGrant("event"),
  },
  "an event besides the usual three fits no grant that does not name it (G-05)": {
    rows: rowsOf(otherEvents),
    role,
    verdict: noGrant("event"),
  },
  "what only looks like a usual event fits no grant (G-05)": {
    rows: rowsOf(misspelt),
    role,
    verdict: noGrant("event"),
  },
};

const usual = ["push", "schedule", "workflow_dispatch"].map((event) => [
  `a run of the event ${event} is served unless the grant says otherwise (G-05)`,
  { job: ofRun({ event }), role, verdict: "served" },
]);

export const eventScenes: Scenes = {
  ...Object.fromEntries(usual),
  "a run after another one, on main, is served to the grant that names workflow_run (G-06)": {
    job: ofRun({ event: "workflow_run" }),
    role: roleOf("after-tests"),
    verdict: "served",
  },
};
