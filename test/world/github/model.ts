/** What GitHub knows. Plain mutable objects: tests change them at any time, and the next answer is made from them. */

export type Status = "queued" | "in_progress" | "completed" | "waiting" | "requested" | "pending";
export type Conclusion =
  | "success"
  | "failure"
  | "neutral"
  | "cancelled"
  | "skipped"
  | "timed_out"
  | "action_required";

export interface User {
  id: number;
  login: string;
  type: "User" | "Bot" | "Organization";
}

export interface Repository {
  id: number;
  owner: User;
  name: string;
  private: boolean;
  defaultBranch: string;
  /** Forks share one object store: what one of them has, all of them can compare. */
  forkOf: Repository | null;
  branches: Map<string, string>;
  /** Name → commit, or → tag object for an annotated tag. */
  tags: Map<string, string>;
  /** Tag object → commit. */
  tagObjects: Map<string, string>;
  /** Commit → its parents. */
  ancestry: Map<string, string[]>;
}

export interface Run {
  id: number;
  repository: Repository;
  /** null when the fork was deleted. */
  headRepository: Repository | null;
  name: string | null;
  event: string;
  headBranch: string | null;
  headSha: string;
  /** The full ref. REST does not show it; the OIDC token does. */
  ref: string;
  path: string;
  workflowId: number;
  runNumber: number;
  displayTitle: string;
  actor: User;
  pullRequests: unknown[] | null;
  referencedWorkflows: { path: string; sha: string; ref?: string }[] | null;
  createdAt: string;
  attempts: Attempt[];
}

export interface Attempt {
  number: number;
  status: Status | null;
  conclusion: Conclusion | null;
  triggeringActor: User;
  startedAt: string;
  updatedAt: string;
  jobs: Job[];
}

export interface Job {
  run: Run;
  attempt: Attempt;
  /** The REST id, which is the check run's. */
  id: number;
  /** The id of the web's own routes. */
  internalId: number;
  name: string;
  status: Status;
  conclusion: Conclusion | null;
  createdAt: string;
  startedAt: string;
  completedAt: string | null;
  labels: string[];
  runnerId: number | null;
  runnerName: string | null;
  runnerGroupId: number | null;
  runnerGroupName: string | null;
  environment: string | null;
  /** Set for a job that runs in a reusable workflow: `acme/ci/.github/workflows/x.yml@refs/heads/main`. */
  jobWorkflowRef: string | null;
  steps: Step[];
  /** Values that the runner replaces by `***`, from now on and for the whole job. */
  masks: string[];
  /** While set, the runner obeys no command but this one. */
  stopToken: string | null;
}

export interface Step {
  uuid: string;
  name: string;
  number: number;
  status: "queued" | "in_progress" | "completed";
  conclusion: Conclusion | null;
  startedAt: string | null;
  completedAt: string | null;
  live: LiveItem[];
  /** How many items were said, lost ones included. */
  spoken: number;
  /** The stored log without its BOM; served once the step is completed. */
  log: string;
}

export interface LiveItem {
  id: string;
  line: string;
  /** When the runner has drained it to GitHub. */
  visibleAt: number;
}

export function fullName(repository: Repository): string {
  return `${repository.owner.login}/${repository.name}`;
}

export function currentAttempt(run: Run): Attempt {
  const attempt = run.attempts.at(-1);
  if (attempt === undefined) throw new Error(`run ${run.id} has no attempt`);
  return attempt;
}
