import { html, raw } from "hono/html";
import type { Report } from "../health.ts";
import { entry, type Markup, timeOf } from "./decision.ts";
import { plain } from "./plain.ts";
import type { Decision, Filter } from "./recent.ts";

export interface PageParts {
  version: string;
  script: string;
  style: string;
  filter: Filter;
  grants: readonly string[];
  decisions: readonly Decision[];
  /** How many decisions there have been since the start. */
  count: number;
  cursor: string;
  /** The latest report on GitHub, if there is one yet. */
  report: Report | null;
}

/** The page of recent decisions. Style and script stand in it to the letter: their digests are what the browser lets run. */
export function page(parts: PageParts): Markup {
  const { version, script, style, filter, decisions, cursor } = parts;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>actions2aws: recent decisions</title>
        ${raw(`<style>${style}</style>`)}
        <noscript><meta http-equiv="refresh" content="10" /></noscript>
      </head>
      <body>
        <header>
          <h1>Recent decisions</h1>
          <span class="quiet">actions2aws ${version}</span>
        </header>
        <div id="state">${stateOf(parts)}</div>
        <div class="bar">
          ${choice(filter)} ${grantForm(parts)}
          <button id="pause" type="button" aria-pressed="false" hidden>Pause</button>
          <span id="live" role="status">reload to see newer ones</span>
        </div>
        <main>
          <section id="decisions" aria-label="Decisions, newest first" data-cursor="${cursor}">
            ${entries(decisions)}
          </section>
          <p id="none" ${decisions.length > 0 ? "hidden" : ""}>No such decision yet.</p>
        </main>
        ${raw(`<script>${script}</script>`)}
      </body>
    </html>`;
}

function entries(decisions: readonly Decision[]): Markup {
  return html`${decisions.map(entry)}`;
}

/** What is newer than a reader's page: how things stand, and decisions. */
export function news(
  state: Pick<PageParts, "report" | "count">,
  decisions: readonly Decision[],
): Markup {
  return html`${stateOf(state)}${entries(decisions)}`;
}

function stateOf({ report, count }: Pick<PageParts, "report" | "count">): Markup {
  const checks = Object.entries(report?.checks ?? {});
  return html`<ul class="state">
    <li>${count} since the start, the last 200 are kept</li>
    ${checks.map(
      ([name, { ok, state, problem }]) =>
        html`<li class="${ok ? "yes" : "no"}">
          ${words(name)}: ${words(state)}${problem ? ` (${plain(problem)})` : ""}
        </li>`,
    )}
    ${report ? html`<li>tried ${timeOf(report.tried_at)}</li>` : html`<li>GitHub has not been tried yet</li>`}
  </ul>`;
}

function choice({ decision, grant }: Filter): Markup {
  const link = (label: string, value: Filter["decision"]): Markup => {
    const query = new URLSearchParams({
      ...(value && { decision: value }),
      ...(grant !== undefined && { grant }),
    });
    const current = decision === value ? html`aria-current="page"` : "";
    return html`<a href="?${query.toString()}" ${current}>${label}</a>`;
  };
  return html`<nav aria-label="Which decisions">
    ${link("All", undefined)}${link("Allowed", "allowed")}${link("Denied", "denied")}
  </nav>`;
}

function grantForm({ filter: { decision, grant }, grants }: PageParts): Markup {
  const option = (name: string): Markup =>
    html`<option value="${name}" ${name === grant ? "selected" : ""}>${name}</option>`;
  return html`<form method="get">
    ${decision ? html`<input type="hidden" name="decision" value="${decision}" />` : ""}
    <label for="grant">Grant</label>
    <select id="grant" name="grant">
      <option value="">any</option>
      ${grants.map(option)}
    </select>
    <noscript><button>Show</button></noscript>
  </form>`;
}

function words(name: string): string {
  return name
    .replace(/^github/, "GitHub")
    .replaceAll("_", " ")
    .replace(" api", " API");
}
