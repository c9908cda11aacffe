import { html } from "hono/html";
import { codes, titleOf } from "../../core/errors.ts";
import type { AuditRecord } from "../observed.ts";
import { type Check, checksOf } from "./checks.ts";
import { plain } from "./plain.ts";
import type { Decision } from "./recent.ts";

/** Escaped text, as hono's tag makes it. Nothing else may stand in a page (H-22). */
export type Markup = ReturnType<typeof html>;

/** Characters of a name where it is only mentioned. */
const atAGlance = 80;

/** One decision: what was asked, how it ended, and each check. */
export function entry({ number, record }: Decision): Markup {
  const checks = checksOf(record);
  const allowed = record.decision === "allowed";
  const id = `decision-${number}`;
  return html`<article class="${allowed ? "allowed" : "denied"}" aria-labelledby="${id}">
    <div class="head">
      <span class="word">${allowed ? "✓ Allowed" : "✗ Denied"}</span>
      <h2 id="${id}">${told(repositoryOf(record))}</h2>
      <span class="quiet"
        >${record.grant === undefined ? "no grant" : html`grant ${told(record.grant)}`}</span
      >
      ${timeOf(record.time)}
    </div>
    ${
      record.asked === undefined
        ? ""
        : html`<p class="what">
            ${jobText(record)} wants <code>${told(record.role ?? "any role")}</code>
          </p>`
    }
    ${allowed ? "" : stopText(record, checks)}
    <ol class="checks" aria-label="Checks">
      ${checks.map(mark)}
    </ol>
    <details>
      <summary>What was checked</summary>
      <table>
        ${checks.map(row)}${facts(record)}
      </table>
    </details>
  </article>`;
}

function stopText(record: AuditRecord, checks: readonly Check[]): Markup {
  const failed = checks.filter(({ state }) => state === "failed");
  const [first] = failed;
  const says = first?.says ? html` ${first.by} ${isolated(first.says, atAGlance)}.` : "";
  return html`<p class="stop">
    Stopped at ${failed.map(({ name }) => name).join(", ")}. ${reasonOf(record.code)}.${says}
    ${record.note === undefined ? "" : html`<span class="quiet">${told(record.note)}</span>`}
  </p>`;
}

const marks = { passed: "✓", failed: "✗", "not reached": "·" };

function mark({ name, state }: Check): Markup {
  return html`<li class="${classOf(state)}">
    ${marks[state]} ${name}<span class="away"> ${state}</span>
  </li>`;
}

function row({ name, state, by, says }: Check): Markup {
  return html`<tr>
    <th scope="row">${name}</th>
    <td class="mark ${classOf(state)}">${marks[state]} ${state}</td>
    <td>${says === null ? "" : html`<span class="quiet">${by}</span> ${isolated(says)}`}</td>
  </tr>`;
}

/** The rest of the record. */
function facts(record: AuditRecord): Markup {
  const named: [string, unknown][] = [
    ["note", record.note],
    ["request id", record.request_id],
    ["client address", record.client_address],
    ["access key id", record.access_key_id],
    ["expires", record.expiration],
    ["policy", record.policy],
  ];
  const known = named.filter(([, value]) => value !== undefined);
  return html`${known.map(
    ([name, value]) =>
      html`<tr>
        <th scope="row">${name}</th>
        <td class="mark"></td>
        <td><code>${told(value)}</code></td>
      </tr>`,
  )}`;
}

function jobText(record: AuditRecord): Markup | string {
  const { job, workflow } = (record.identity ?? {}) as AuditRecord;
  if (job === undefined && workflow === undefined) return "A job";
  return html`Job <b>${told(job ?? "without a known name", atAGlance)}</b> of
    ${told(workflow ?? "a workflow of another repository", atAGlance)}`;
}

function repositoryOf({ identity, asked }: AuditRecord): unknown {
  const [seen, claimed] = [identity, asked].map(
    (part) => (part as AuditRecord | undefined)?.repository,
  );
  return seen ?? claimed ?? "a request that is not well formed";
}

/** A code in words, and itself. */
function reasonOf(code: unknown): string {
  const known = codes.find((each) => each === code);
  return known === undefined ? String(code) : `${titleOf(known)} (${known})`;
}

/** Whatever a record holds, as text that stays within its place. */
function told(value: unknown, longest?: number): Markup {
  return isolated(typeof value === "string" ? value : (JSON.stringify(value) ?? ""), longest);
}

function isolated(text: string, longest?: number): Markup {
  return html`<bdi>${plain(text, longest)}</bdi>`;
}

export function timeOf(value: unknown): Markup {
  const text = String(value);
  const short = /^\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)/.exec(text)?.[1];
  return html`<time datetime="${text}" title="${text}"
    >${short === undefined ? text : `${short} UTC`}</time
  >`;
}

function classOf(state: Check["state"]): string {
  return state === "not reached" ? "unreached" : state;
}
