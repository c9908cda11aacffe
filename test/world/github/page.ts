import { fullName, type Job, type Step } from "./model.ts";
import type { State } from "./state.ts";

/**
 * The page of a job, in the shape of the real one: a tag's attributes over many lines, names escaped.
 * An anonymous reader gets the steps and their uuids, but neither steps URL nor backscroll URL.
 */
export function jobPage(state: State, job: Job, signedIn: boolean): string {
  const { run } = job;
  const title = `${job.name} · ${run.displayTitle} · ${fullName(run.repository)}@${run.headSha.slice(0, 7)}`;
  return `<!DOCTYPE html>
<html lang="en" data-color-mode="auto" data-a11y-animated-images="system">
<head>
  <meta charset="utf-8">
  <title>${escape(title)} · GitHub</title>
  <meta name="user-login" content="${signedIn ? "octocat-reader" : ""}">
</head>
<body class="logged-${signedIn ? "in" : "out"} env-production page-responsive">
${furniture(Math.floor(state.pageFurniture / 2))}
<div class="js-full-logs-container" data-job-status="${job.status}">
<check-steps
  class="js-check-steps d-block"
${signedIn ? `  data-job-steps-url="${webPath(job)}/jobs/${job.internalId}/steps"\n` : ""}  data-job-status="${job.status}"
  data-catalyst>
${job.steps.map((step) => stepTag(job, step, signedIn)).join("\n")}
</check-steps>
</div>
${furniture(Math.ceil(state.pageFurniture / 2))}
</body>
</html>
`;
}

/** The path of a run's pages. */
function webPath(job: Job): string {
  return `/${fullName(job.run.repository)}/actions/runs/${job.run.id}`;
}

/** The path of a completed step's log. */
export function logPath(job: Job, step: Step): string {
  return `/${fullName(job.run.repository)}/commit/${job.run.headSha}/checks/${job.id}/logs/${step.number}`;
}

function stepTag(job: Job, step: Step, signedIn: boolean): string {
  const attributes = {
    "data-name": step.name,
    "data-number": String(step.number),
    "data-conclusion": step.conclusion ?? "",
    "data-external-id": step.uuid,
    "data-expand": String(step.status === "in_progress"),
    "data-started-at": step.startedAt ?? "",
    "data-completed-at": step.completedAt ?? "",
    "data-log-url": logPath(job, step),
    ...(signedIn
      ? {
          "data-job-step-backscroll-url": `${webPath(job)}/jobs/${job.internalId}/steps/${step.uuid}/backscroll`,
        }
      : {}),
  };
  const lines = Object.entries(attributes).map(([name, value]) => `    ${name}="${escape(value)}"`);
  return `  <check-step
${lines.join("\n")}
    class="js-check-step">
    <details class="Details-element CheckStep">
      <summary class="CheckStep-header"><span class="text-bold">${escape(step.name)}</span></summary>
      <div class="js-check-step-content"></div>
    </details>
  </check-step>`;
}

function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

const made = new Map<number, string>();

/** Menus, icons and embedded data as on any page, kept because a page is made for each request. */
function furniture(bytes: number): string {
  let block = made.get(bytes);
  if (block === undefined) {
    const item = `<li class="ActionListItem"><a href="/features/actions" data-analytics-event="{&quot;category&quot;:&quot;Actions&quot;}"><svg aria-hidden="true" viewBox="0 0 16 16" class="octicon octicon-play"><path d="M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0ZM1.5 8a6.5 6.5 0 1 0 13 0 6.5 6.5 0 0 0-13 0Z"></path></svg><span class="ActionListItem-label">Actions</span></a></li>\n`;
    const script = `<script type="application/json" data-target="react-partial.embeddedData">{"props":{"steps":[]}}</script>\n`;
    block = `<nav><ul>\n${item.repeat(Math.ceil(bytes / item.length))}</ul></nav>\n${script}`;
    made.set(bytes, block);
  }
  return block;
}
