import type { Code } from "../core/errors.ts";
import type { Problem } from "./broker-client.ts";
import { Failure, exitCodes } from "./failure.ts";

type End = readonly [exit: keyof typeof exitCodes, advice: string];

/** What each of the broker's codes means for whoever reads the job's log. */
const ends = {
  invalid_request: [
    "denied",
    "check the options, and that this program is of the broker's version",
  ],
  not_in_progress: ["denied", "credentials are for jobs that are running now: re-run the job"],
  fork: ["denied", "runs from forks get no role unless the grant says forks: true"],
  ref_ambiguous: [
    "denied",
    "a branch and a tag share this run's ref: delete or rename one of them",
  ],
  no_grant: ["denied", "ask whoever runs the broker for a grant that fits this run"],
  job_not_found: ["denied", "give the job's id by --job-id ${{ job.check_run_id }}"],
  job_ambiguous: ["denied", "give the job's id by --job-id ${{ job.check_run_id }}"],
  proof_pending: [
    "unavailable",
    "the step's name must be in the grant's `step`, and stderr must reach the log",
  ],
  proof_ambiguous: ["denied", "another process of this job announces a key too: only one may"],
  proof_invalid: [
    "denied",
    "run this in a step that the grant names, and let nothing else announce a key",
  ],
  challenge_invalid: [
    "denied",
    "try again; if it stays, all of the broker's instances must share one signing key",
  ],
  challenge_expired: [
    "denied",
    "try again; if it stays, tell whoever runs the broker to check its clock",
  ],
  oidc_invalid: [
    "denied",
    "the job needs `permissions: id-token: write`, and --url must be the broker's public_url",
  ],
  role_not_granted: ["denied", "check --role, or ask whoever runs the broker to grant this role"],
  renewal_invalid: ["denied", "ask for credentials anew, in a step of the job"],
  too_large: ["other", "this program and the broker do not fit together: check their versions"],
  rate_limited: [
    "unavailable",
    "try again later, or ask whoever runs the broker for a higher limit",
  ],
  github_unavailable: ["unavailable", "try again later: see githubstatus.com"],
  github_session_expired: [
    "unavailable",
    "tell whoever runs the broker to renew its GitHub session",
  ],
  github_rate_limited: [
    "unavailable",
    "try again later, or tell whoever runs the broker to raise its GitHub limit",
  ],
  aws_denied: [
    "denied",
    "whoever runs the broker must check the role's trust policy (sts:AssumeRole, sts:TagSession)",
  ],
  aws_unavailable: ["unavailable", "try again later"],
  audit_unavailable: [
    "unavailable",
    "tell whoever runs the broker that its audit record cannot be written",
  ],
  store_unavailable: [
    "unavailable",
    "try again later, or tell whoever runs the broker that its store does not answer",
  ],
  internal_error: ["unavailable", "tell whoever runs the broker, with the request's id"],
  not_found: ["other", "check the path in --url"],
  method_not_allowed: ["other", "check the path in --url"],
  unsupported_media_type: [
    "other",
    "this program and the broker do not fit together: check their versions",
  ],
} satisfies Record<Code, End>;

/** Fields of a grant that the job itself may have got wrong. */
const ownDoing: Readonly<Record<string, string>> = {
  step: "name the step as the grant does, in the workflow and in --step",
  max_duration: "ask for a shorter --duration",
};

/** The broker has said no, once for all. */
export class TurnedAway extends Failure {
  override name = "TurnedAway";
  readonly code: Code | null;
  readonly fields: readonly string[];
  /** No for what was shown: with another proof it may be yes. */
  readonly mayPassAnew: boolean;

  constructor(problem: Problem) {
    const [exit, advice] = endOf(problem);
    super(exitCodes[exit], `the broker says no: ${describe(problem)}: ${advice}`);
    this.mayPassAnew = problem.retryAfterMs !== null;
    this.code = problem.code;
    this.fields = problem.fields;
  }
}

/** `no_grant (ref, event; request 7f3a): its detail` */
export function describe(problem: Problem): string {
  const { code, status, fields, requestId, detail } = problem;
  const facts = [fields.join(", "), requestId && `request ${requestId}`].filter(Boolean).join("; ");
  return `${code ?? `status ${status}`}${facts && ` (${facts})`}${detail && `: ${detail.replace(/[.\s]+$/, "")}`}`;
}

export function adviceFor(problem: Problem): string {
  return endOf(problem)[1];
}

function endOf({ code, status, fields }: Problem): End {
  if (code === "no_grant" && fields.length > 0) {
    const own = fields.flatMap((field) => ownDoing[field] ?? []);
    if (own.length === fields.length) return ["denied", own.join("; ")];
    return [
      "denied",
      `the broker's grants do not fit this run (${fields.join(", ")}): ask whoever runs the broker to allow it`,
    ];
  }
  if (code !== null) return ends[code];
  if (status >= 500 || status === 429)
    return ["unavailable", "try again later, or tell whoever runs the broker"];
  if (status === 401 || status === 403)
    return ["denied", "ask whoever runs the broker, or what stands before it"];
  if (status === 413)
    return ["other", "what stands before the broker has to take requests of up to 32 KiB"];
  return ["other", "is --url the broker's address?"];
}
