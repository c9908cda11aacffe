import { Parser } from "htmlparser2";

/** What a signed-in reader's job page tells: the ids that the routes of the live log need. */
export interface JobPage {
  /** Not the REST id: the web has job ids of its own. Null for a reader who is not signed in. */
  internalId: number | null;
  steps: readonly { name: string; uuid: string; done: boolean }[];
  /** The page has a job's steps at all. */
  isJobPage: boolean;
  isSignIn: boolean;
}

/**
 * Reads GitHub's job page with a real HTML parser: attributes are spread over lines, names are
 * escaped, and everything a step's name can hold is attacker-controlled.
 *
 * @param runPath `/OWNER/REPO/actions/runs/ID`, the only run whose addresses count
 */
export function readJobPage(html: string, runPath: string): JobPage {
  const ids = new Set<number>();
  const steps: { name: string; uuid: string; done: boolean }[] = [];
  const page = { isJobPage: false, isSignIn: false };
  let depth = 0;
  const parser = new Parser({
    onclosetag() {
      depth--;
    },
    onopentag(tag, attributes) {
      if (++depth > deepest) parser.pause();
      if (tag === "check-steps" || tag === "check-step") {
        page.isJobPage = true;
        for (const name of [
          "data-job-steps-url",
          "job-steps-url",
          "data-job-step-backscroll-url",
        ]) {
          const id = internalIdIn(attributes[name], runPath);
          if (id !== null) ids.add(id);
        }
      }
      if (tag === "check-step") {
        const {
          "data-name": name,
          "data-external-id": uuid,
          "data-conclusion": conclusion,
        } = attributes;
        if (name !== undefined && isUuid(uuid))
          steps.push({ name, uuid, done: conclusions.has(conclusion ?? "") });
      }
      if (tag === "form" && attributes.action?.endsWith("/session")) page.isSignIn = true;
    },
  });
  parser.end(stepsPart(html));
  if (depth > deepest) return { internalId: null, steps: [], isJobPage: false, isSignIn: false };
  const [internalId = null] = ids;
  // Two ids would be two jobs: then neither is believed.
  return { ...page, internalId: ids.size === 1 ? internalId : null, steps };
}

/**
 * The part with the steps, which is a small one: the tag can't be forged, since text on the page is
 * escaped. A page without it is read whole, for what else it may be.
 */
function stepsPart(html: string): string {
  const start = html.indexOf("<check-steps");
  const end = html.lastIndexOf("</check-steps>");
  // Copied, so that the few names kept of it do not keep the whole page in memory.
  return start < 0 || end < start ? html : Buffer.from(html.slice(start, end)).toString();
}

/** The parser looks through all open tags at each further one: without an end to it, that takes minutes. */
const deepest = 256;

const conclusions = new Set(["success", "failure", "cancelled", "skipped"]);

const stepsPath = /^(?:https?:\/\/[^/?#]+)?(\/[^?#]*)\/jobs\/([1-9][0-9]{0,15})\/steps(?:[/?#]|$)/;

function internalIdIn(url: string | undefined, runPath: string): number | null {
  const [, path, digits] = stepsPath.exec(url ?? "") ?? [];
  const id = Number(digits);
  // Two ids above 2^53 could be one number.
  return path?.toLowerCase() === runPath.toLowerCase() && Number.isSafeInteger(id) ? id : null;
}

/** Step ids become part of a URL, so they are held to their shape (H-19). */
export function isUuid(text: unknown): text is string {
  return typeof text === "string" && /^[0-9A-Za-z-]{1,64}$/.test(text);
}
