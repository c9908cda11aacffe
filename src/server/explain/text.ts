import type { RunIdentity } from "../../core/identity.ts";
import type { AssumeRolePlan } from "../../core/issue.ts";
import type { AnnouncementView, StepView } from "./announcements.ts";
import type { Explanation, FieldView, GrantView } from "./explain.ts";

type Paint = (text: string, colour: "red" | "green" | "dim") => string;

/** An explanation for people, the verdict on the last line. All that comes from GitHub is made harmless. */
export function explanationText(explanation: Explanation, colours: boolean): string {
  const paint: Paint = colours ? painted : (text) => text;
  const { asked, identity, ref, grants, steps, plan, verdict } = explanation;
  const [ours, others] = [true, false].map((is) =>
    grants.filter((grant) => grant.in_question === is),
  );
  return [
    `asks for  ${asked.role}${asked.step === undefined ? "" : `, in step ${visible(asked.step)}`}`,
    ...(identity ? runLines(identity, ref) : [`run       ${asked.run_id} of ${asked.repository}`]),
    ...(ours ?? []).flatMap((grant) => grantLines(grant, paint)),
    ...otherLines(others ?? [], paint),
    ...steps.flatMap((step) => stepLines(step, paint)),
    ...(plan ? planLines(plan) : []),
    "",
    verdictLine(explanation, paint),
    verdict.allowed
      ? paint("ok", "green")
      : paint([verdict.code, ...verdict.fields].join(" "), "red"),
  ]
    .join("\n")
    .concat("\n");
}

function runLines(identity: RunIdentity, ref: string | null): string[] {
  const { repository, run, job, event, headBranch, headSha, triggeringActor } = identity;
  const where = ref ?? (headBranch === null ? "no branch" : `${headBranch} (not looked up)`);
  return [
    `run       ${visible(repository.name)} ${run.id}, attempt ${run.attempt}: ${visible(event)}, ` +
      `${visible(where)} at ${headSha.slice(0, 12)}, by ${visible(triggeringActor ?? "nobody")}`,
    `job       ${visible(job.name ?? "")} (${job.id})`,
  ];
}

function grantLines({ name, fields }: GrantView, paint: Paint): string[] {
  return [
    "",
    `grant ${name}, and what the run is`,
    ...fields.map((field) => fieldLine(field, paint)),
  ];
}

function fieldLine({ field, wanted, actual, fits }: FieldView, paint: Paint): string {
  const mark = fits ? paint("fits", "green") : paint("NOT ", "red");
  return `  ${mark}  ${field.padEnd(18)}${visible(wanted)}  ${paint("←", "dim")}  ${visible(actual)}`;
}

/** Grants of other repositories and roles are named, and no more. */
function otherLines(grants: readonly GrantView[], paint: Paint): string[] {
  if (grants.length === 0) return [];
  const names = grants.map(({ name }) => name).join(", ");
  return ["", paint(`for another repository or role: ${names}`, "dim")];
}

function stepLines({ name, state, items, announcements }: StepView, paint: Paint): string[] {
  const log = items === null ? "no log yet" : `${items} items`;
  const shown = announcements.slice(-mostAnnouncements);
  const left = announcements.length - shown.length;
  return [
    "",
    `step ${visible(name)}: ${state.replace("_", " ")}, ${log}`,
    ...(announcements.length === 0 ? ["  no announcement in it"] : []),
    ...(left > 0 ? [`  … ${left} before these`] : []),
    ...shown.map((announcement) => announcementLine(announcement, paint)),
  ];
}

const mostAnnouncements = 10;

function announcementLine(view: AnnouncementView, paint: Paint): string {
  const where = `item ${view.item}${view.time === null ? "" : ` at ${view.time}`}`;
  if (view.public_key === null) {
    return `  ${where}: ${paint("not an announcement", "red")}: something stands beside it, or it is not well formed`;
  }
  const challenge =
    view.challenge_ends === null
      ? paint("its challenge is not a broker's", "red")
      : `its challenge ends ${view.challenge_ends}`;
  return `  ${where}: ${view.public_key}, ${challenge}`;
}

function planLines(plan: AssumeRolePlan): string[] {
  return [
    "",
    "AssumeRole",
    `  role          ${plan.roleArn}`,
    `  session name  ${plan.sessionName}`,
    `  external id   ${plan.externalId}`,
    `  duration      ${plan.durationSeconds} s`,
    ...plan.tags.map(({ key, value }) => {
      const passedOn = plan.transitiveTagKeys.includes(key) ? " (transitive)" : "";
      return `  tag           ${key} = ${visible(value)}${passedOn}`;
    }),
    ...(plan.policy === undefined ? [] : [`  policy        ${visible(plan.policy, 2_048)}`]),
  ];
}

function verdictLine({ verdict, steps }: Explanation, paint: Paint): string {
  const { allowed, grant, detail, note } = verdict;
  if (!allowed) return visible(note === null ? detail : `${detail} (${note})`);
  const key = steps.flatMap(({ announcements }) => announcements).findLast((it) => it.public_key);
  const whose = `for who holds ${key?.public_key ?? "the key"} and sends its ticket in time`;
  return `${detail} By grant ${grant ?? "?"}, ${paint(whose, "dim")}.`;
}

/** Escapes what could move a terminal's cursor, or look like something else (H-22). */
function visible(text: string, longest = 300): string {
  const plain = text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
  return plain.length > longest ? `${plain.slice(0, longest)}…` : plain;
}

function painted(text: string, colour: "red" | "green" | "dim"): string {
  const [on, off] = { red: [31, 39], green: [32, 39], dim: [2, 22] }[colour];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}
