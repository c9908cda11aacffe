import { z } from "zod";
import { compilePattern, foldAscii, type Pattern } from "./pattern.ts";
import { repositoryShape, roleShape } from "./request.ts";
import { compileTag, defaultTags, tagKeyShape, type TagExpression } from "./tags.ts";

/**
 * A grant: which runs may have which roles. Written by the operator, compiled once into a frozen
 * value. Unknown keys, empty lists and patterns that could mean more than they say are errors: a
 * mistake must never make a grant wider (P-01 … P-04).
 */
export interface Grant {
  readonly name: string;
  readonly repository: Pattern;
  readonly repositoryId: number | undefined;
  readonly workflow: readonly string[] | undefined;
  readonly ref: readonly Pattern[] | undefined;
  readonly event: readonly string[];
  readonly job: readonly Pattern[] | undefined;
  readonly step: readonly string[];
  readonly reusableWorkflow: readonly string[];
  readonly actor: readonly string[] | undefined;
  readonly environment: readonly string[] | undefined;
  readonly proof: "log" | "oidc" | "either" | "both";
  readonly forks: boolean;
  readonly legacy: boolean;
  readonly role: readonly Pattern[];
  readonly maxDurationSeconds: number;
  /** How long renewals may go on after the first credentials, in seconds (R-04). */
  readonly maxAgeSeconds: number;
  readonly externalId: string | undefined;
  readonly tags: readonly TagExpression[];
  readonly transitiveTags: readonly string[];
  readonly sessionPolicy: string | undefined;
}

const defaultEvents = ["push", "workflow_dispatch", "schedule"];

/**
 * Text without control or invisible characters, which could make two names look alike (G-16). Of blanks
 * there are two that people type; U+FE0F only colours the sign before it.
 */
const text = z
  .string()
  .min(1, "must not be empty")
  .max(512)
  .regex(
    /^(?:[^\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{Default_Ignorable_Code_Point}]|[\uFE0F \u3000])*$/u,
    "must not hold control or invisible characters",
  );

/** One text or a list of them; never an empty list, which could be read as "any" (P-04). */
function list(item: z.ZodType<string>): z.ZodType<readonly string[]> {
  return z
    .preprocess(
      (value) => (typeof value === "string" ? [value] : value),
      z.array(item, "must be text or a list of texts").min(1, "must not be an empty list"),
    )
    .meta({ oneOrMore: true });
}

// What `describe` and `meta` say is for the JSON Schema of the configuration: see server/config-schema.ts.

const repository = text
  .superRefine((value, context) => {
    const [owner = "", name = ""] = value.split("/");
    if (owner.includes("*")) context.addIssue("the owner is never a pattern");
    else if (
      !repositoryShape.test(`${owner}/${name.replaceAll("*", "x")}`) ||
      value.split("/").length !== 2
    ) {
      context.addIssue("must be OWNER/NAME");
    }
  })
  .meta({ pattern: "^[A-Za-z0-9_-]{1,39}/(?!\\.{1,2}$)[A-Za-z0-9._*-]{1,100}$" });

const ref = text.regex(
  /^refs\/(?:heads|tags|pull)\/./,
  "must be a full ref, such as refs/heads/main",
);

const workflow = text.regex(
  /^\.github\/workflows\/[^/*@]+\.ya?ml$/,
  "must be the path of a workflow file, such as .github/workflows/deploy.yml",
);

const reusableWorkflow = text.regex(
  /^[^/@*]+\/[^/@*]+\/\.github\/workflows\/[^/@*]+\.ya?ml@[^*]+$/,
  "must be OWNER/NAME/.github/workflows/FILE@REF, without patterns",
);

/** Where a `*` would otherwise wait for somebody of that name. */
const exactText = text.regex(/^[^*]*$/, "is never a pattern: write it out");

/** The account and path are never a pattern, so that a grant can't reach into another account (A-01). */
const role = text
  .refine((value) => {
    const name = value.slice(value.lastIndexOf("/") + 1);
    return (
      roleShape.test(value.slice(0, value.length - name.length) + name.replaceAll("*", "x")) &&
      name !== "*" &&
      !name.includes("**")
    );
  }, "must be the ARN of an IAM role; * may stand within its name, not for all of it")
  .meta({
    pattern:
      "^arn:aws(?:-[a-z]{1,10}){0,3}:iam::[0-9]{12}:role/(?:[A-Za-z0-9+=,.@_/-]*/)?(?!\\*$)(?![^/]*\\*\\*)[A-Za-z0-9+=,.@_*-]*$",
  });

const event = text.regex(/^[a-z_]+$/, "must be the name of an event, such as push");

const duration = z
  .string()
  .regex(/^[1-9][0-9]{0,5}[smh]$/, "must be a time such as 15m or 1h")
  .transform(
    (value) =>
      Number(value.slice(0, -1)) * { s: 1, m: 60, h: 3600 }[value.slice(-1) as "s" | "m" | "h"],
  );

const tags = z
  .record(
    z.string().regex(tagKeyShape, "is not a legal tag key"),
    z.string().transform((source, context) => {
      try {
        return compileTag("", source).expression;
      } catch (error) {
        context.addIssue(
          `is not JMESPath: ${error instanceof Error ? error.message : "unreadable"}`,
        );
        return z.NEVER;
      }
    }),
    { error: ({ code }) => (code === "invalid_key" ? "is not a legal tag key" : undefined) },
  )
  .superRefine((value, context) => {
    const keys = Object.keys(value).map((key) => key.toLowerCase());
    if (new Set(keys).size < keys.length)
      context.addIssue("two keys differ only by case, which STS refuses");
    if (keys.length > 50) context.addIssue("must be at most 50 tags");
  })
  .transform((value) =>
    Object.entries(value).map(([key, expression]) => ({ key, expression, required: true })),
  )
  .meta({ maxProperties: 50 });

const sessionPolicy = z
  .record(z.string(), z.unknown(), "must be a policy as inline JSON")
  .superRefine((value, context) => {
    if (JSON.stringify(value).length > 2_048)
      context.addIssue("must be at most 2,048 characters as JSON");
    // A condition that was indented too far would be gone from the grant (P-01).
    else if (Object.keys(value).some((key) => /^[a-z_]+$/.test(key)))
      context.addIssue("holds what is no element of a policy: is its indent right?");
  })
  .transform((value) => JSON.stringify(value));

const grantShape = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "must be 1 to 64 letters, digits, dots, dashes")
      .describe("Names the grant in the audit and in the job's log; no two grants share one."),
    repository: repository.describe(
      "OWNER/NAME. In the name, `*` stands for anything; the owner is never a pattern.",
    ),
    repository_id: z
      .int("must be a whole number")
      .positive()
      .optional()
      .describe(
        "The repository's id at GitHub: guards against whoever has the name after a rename.",
      ),
    workflow: list(workflow)
      .optional()
      .describe("Path of the workflow file in the repository: .github/workflows/NAME.yml."),
    ref: list(ref)
      .optional()
      .describe(
        "Full ref of the run, such as refs/heads/main. `*` stays within a path segment, `**` crosses.",
      ),
    event: list(event)
      .optional()
      .describe("Event that started the run. Default: push, workflow_dispatch, schedule."),
    job: list(text)
      .optional()
      .describe(
        "The job's name as GitHub shows it, `caller / job` for reusable workflows; patterns as in ref.",
      ),
    step: list(exactText)
      .optional()
      .describe(
        "Name of the step whose log may carry the announcement; required for the log proof.",
      ),
    reusable_workflow: list(reusableWorkflow)
      .optional()
      .describe(
        "Workflows of other repositories that the run may call, by ref or commit. All that it calls must be listed.",
      ),
    actor: list(exactText)
      .optional()
      .describe("Login of whoever triggered the run, or ran it again."),
    environment: list(exactText)
      .optional()
      .describe("The job's deployment environment, which the OIDC proof alone can tell."),
    proof: z
      .enum(["log", "oidc", "either", "both"], "must be log, oidc, either or both")
      .default("log")
      .describe("How a job has to prove which one it is."),
    forks: z
      .boolean("must be true or false")
      .default(false)
      .describe("true: runs from forks may have this role."),
    legacy: z
      .boolean("must be true or false")
      .default(false)
      .describe("true: clients of the original actions2aws may have this role."),
    role: list(role).describe("ARN of the role. `*` may stand within its name, not for all of it."),
    max_duration: duration
      .refine(
        (seconds) => seconds >= 900 && seconds <= 43_200,
        "must be from 15m to 12h, as STS has it",
      )
      .default(3_600)
      .describe("The longest session, from 15m to 12h. Default: 1h."),
    max_age: duration
      .refine((seconds) => seconds >= 900 && seconds <= 432_000, "must be from 15m to 120h")
      .default(86_400)
      .describe("How long renewals may go on after the first credentials, to 120h. Default: 24h."),
    external_id: z
      .string()
      .regex(/^[\w+=,.@:/-]{2,1224}$/, "must be 2 to 1,224 characters that STS takes")
      .optional()
      .describe("The external id that the role's trust policy asks for. Default: the repository."),
    tags: tags
      .optional()
      .describe("Session tags: JMESPath over {run, job}, as GitHub's REST API gives them."),
    transitive_tags: list(text)
      .optional()
      .describe("Keys of tags that go along when the session assumes another role."),
    session_policy: sessionPolicy
      .optional()
      .describe(
        "An IAM policy that narrows the session, inline; at most 2,048 characters as JSON.",
      ),
  })
  .meta({
    description: "Which runs may have which roles. All fields that are given must fit.",
    allOf: [
      {
        if: { properties: { proof: { const: "oidc" } }, required: ["proof"] },
        else: { required: ["step"] },
      },
      {
        if: { required: ["environment"] },
        // oxlint-disable-next-line unicorn/no-thenable
        then: { required: ["proof"], properties: { proof: { enum: ["oidc", "either", "both"] } } },
      },
    ],
  });

/** zod schema of one grant as the operator writes it → a {@link Grant}. */
export const grantSchema = grantShape
  .superRefine((grant, context) => {
    const fault = (path: string, message: string): void =>
      context.addIssue({ code: "custom", path: [path], message });
    if (grant.proof !== "oidc" && grant.step === undefined) {
      fault("step", "is required for the log proof: whose log may carry the announcement?");
    }
    if (grant.environment !== undefined && grant.proof === "log") {
      fault("environment", "can only be proved by OIDC: set proof to oidc, either or both");
    }
    const keys = new Set((grant.tags ?? defaultTags).map((tag) => tag.key));
    for (const key of grant.transitive_tags ?? []) {
      if (!keys.has(key)) fault("transitive_tags", "names a tag that the grant does not have");
    }
  })
  .transform((grant): Grant =>
    Object.freeze({
      name: grant.name,
      repository: compilePattern(foldAscii(grant.repository)),
      repositoryId: grant.repository_id,
      workflow: grant.workflow,
      ref: grant.ref?.map(compilePattern),
      event: grant.event ?? defaultEvents,
      job: grant.job?.map(compilePattern),
      step: grant.step ?? [],
      reusableWorkflow: (grant.reusable_workflow ?? []).map(foldRepository),
      actor: grant.actor?.map(foldAscii),
      environment: grant.environment,
      proof: grant.proof,
      forks: grant.forks,
      legacy: grant.legacy,
      role: grant.role.map(compilePattern),
      maxDurationSeconds: grant.max_duration,
      maxAgeSeconds: grant.max_age,
      externalId: grant.external_id,
      tags: grant.tags ?? defaultTags,
      transitiveTags: grant.transitive_tags ?? [],
      sessionPolicy: grant.session_policy,
    }),
  );

/** Repository names differ by case alone only for readers; paths and refs do not. */
export function foldRepository(reference: string): string {
  const start = reference.indexOf("/.github/");
  return start < 0 ? reference : foldAscii(reference.slice(0, start)) + reference.slice(start);
}
