import { LRUCache } from "lru-cache";
import { Refusal } from "../../core/errors.ts";
import {
  type Comparison,
  type GitRef,
  parseAnnotatedTag,
  parseComparison,
  parseGitRef,
  parseGitRefs,
  parseJobsPage,
  parseRunsPage,
  unusable,
} from "../../core/github-answers.ts";
import { foldAscii } from "../../core/pattern.ts";
import type { RefFacts } from "../../core/ref.ts";
import type { GitHubFacts, OpenRuns, RunAddress, Seen } from "./ports.ts";
import type { GitHubRest, RestAnswer } from "./rest.ts";

const pageSize = 100;
const mostPages = 20;

/** What GitHub's REST API says of runs, jobs and refs. */
export class RestFacts implements GitHubFacts {
  readonly #rest: GitHubRest;
  /** How one commit stands to another never changes, so only who is asked first pays for it. */
  readonly #comparisons = new LRUCache<string, Comparison>({ max: 5_000 });
  /** Neither does the commit that an annotated tag's object leads to. */
  readonly #peeled = new LRUCache<string, string>({ max: 5_000 });

  constructor(rest: GitHubRest) {
    this.#rest = rest;
  }

  async run(at: RunAddress, notBefore: number): Promise<Seen<unknown>> {
    const parameters = { ...repositoryOf(at.repository), run_id: at.runId };
    const seen = await this.#rest.get(
      "GET /repos/{owner}/{repo}/actions/runs/{run_id}",
      parameters,
      notBefore,
    );
    return { at: seen.at, value: found(seen.value, "GitHub has no such run.") };
  }

  async openRuns(repository: string, notBefore: number): Promise<OpenRuns> {
    const { value } = await this.#rest.get(
      "GET /repos/{owner}/{repo}/actions/runs",
      { ...repositoryOf(repository), status: "in_progress", per_page: pageSize },
      notBefore,
    );
    return value === null ? new Map() : parseRunsPage(value.json);
  }

  async jobs(at: RunAddress, notBefore: number): Promise<Seen<readonly unknown[]>> {
    const first = await this.#jobsPage(at, 1, notBefore);
    const pages = Math.ceil(first.value.total_count / pageSize);
    if (pages > mostPages) throw unusable(`the run has ${first.value.total_count} jobs`);
    const others = await Promise.all(
      Array.from({ length: Math.max(0, pages - 1) }, (_, index) =>
        this.#jobsPage(at, index + 2, notBefore),
      ),
    );
    const all = [first, ...others];
    const jobs = all.flatMap(({ value }) => value.jobs);
    // Half a list could hide the second job of a name (F-04, H-20).
    if (all.some(({ value }) => value.total_count !== jobs.length))
      throw unusable("the list of jobs is not whole");
    return { at: Math.min(...all.map((page) => page.at)), value: jobs };
  }

  async refs(repository: string, shortName: string, notBefore: number): Promise<Seen<RefFacts>> {
    const path = refPath(shortName);
    if (path === null) return { at: notBefore, value: { branch: null, tag: null } };
    const [branch, tag] = await Promise.all([
      this.#exactRef(repository, `heads/${path}`, `refs/heads/${shortName}`, notBefore),
      this.#tag(repository, `tags/${path}`, `refs/tags/${shortName}`, notBefore),
    ]);
    return { at: Math.min(branch.at, tag.at), value: { branch: branch.value, tag: tag.value } };
  }

  async compare(
    repository: string,
    base: string,
    head: string,
    notBefore: number,
  ): Promise<Comparison | null> {
    const key = `${repository} ${base} ${head}`;
    const known = this.#comparisons.get(key);
    if (known) return known;
    const parameters = { ...repositoryOf(repository), basehead: `${base}...${head}`, per_page: 1 };
    const { value } = await this.#rest.get(
      "GET /repos/{owner}/{repo}/compare/{basehead}",
      parameters,
      notBefore,
    );
    if (value === null) return null;
    const comparison = parseComparison(value.json);
    this.#comparisons.set(key, comparison);
    return comparison;
  }

  async #jobsPage(
    at: RunAddress,
    page: number,
    notBefore: number,
  ): Promise<Seen<ReturnType<typeof parseJobsPage>>> {
    const seen = await this.#rest.get(
      "GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs",
      {
        ...repositoryOf(at.repository),
        run_id: at.runId,
        attempt_number: at.runAttempt,
        per_page: pageSize,
        page,
      },
      notBefore,
    );
    return {
      at: seen.at,
      value: parseJobsPage(found(seen.value, "GitHub has no such run or attempt.")),
    };
  }

  async #exactRef(
    repository: string,
    path: string,
    name: string,
    notBefore: number,
  ): Promise<Seen<string | null>> {
    const route = `GET /repos/{owner}/{repo}/git/ref/${path}`;
    const { at, value } = await this.#rest.get(route, repositoryOf(repository), notBefore);
    const ref = value && exact([parseGitRef(value.json)], name);
    return { at, value: ref ? await this.#commitOf(repository, ref, notBefore) : null };
  }

  /**
   * Most branches have no tag of their name. That is asked as a search, since an empty list has an
   * ETag and so costs no budget the next time; a 404 always costs.
   */
  async #tag(
    repository: string,
    path: string,
    name: string,
    notBefore: number,
  ): Promise<Seen<string | null>> {
    const route = `GET /repos/{owner}/{repo}/git/matching-refs/${path}`;
    const { at, value } = await this.#rest.get(route, repositoryOf(repository), notBefore);
    // A server without the search.
    if (value === null) return this.#exactRef(repository, path, name, notBefore);
    const tag = exact(parseGitRefs(value.json), name);
    return { at, value: tag ? await this.#commitOf(repository, tag, notBefore) : null };
  }

  /** An annotated tag is an object of its own that points at the commit. */
  async #commitOf(repository: string, { object }: GitRef, notBefore: number): Promise<string> {
    if (object.type === "commit") return object.sha;
    const key = `${repository} ${object.sha}`;
    const known = this.#peeled.get(key);
    if (known) return known;
    const parameters = { ...repositoryOf(repository), tag_sha: object.sha };
    const { value } = await this.#rest.get(
      "GET /repos/{owner}/{repo}/git/tags/{tag_sha}",
      parameters,
      notBefore,
    );
    const target = value && parseAnnotatedTag(value.json);
    if (target?.type !== "commit") throw unusable("a tag does not lead to a commit");
    this.#peeled.set(key, target.sha);
    return target.sha;
  }
}

/** The ref of exactly this name: searches, and old servers, also give those that begin with it (G-03). */
function exact(refs: readonly GitRef[], name: string): GitRef | undefined {
  return refs.find(({ ref }) => ref === name);
}

/** A short ref name as part of a URL's path; null for what Git would not take as a name (H-01). */
function refPath(shortName: string): string | null {
  const odd = /[\p{Cc} ~^:?*[\\]|\.\.|@\{|\/\/|^[/.]|\/\.|[/.]$/u.test(shortName);
  return odd || shortName === "" || !shortName.isWellFormed()
    ? null
    : shortName.split("/").map(encodeURIComponent).join("/");
}

/** In one spelling, whatever the caller's: each would have an ETag, and so a cost, of its own (G-15). */
function repositoryOf(repository: string): { owner: string; repo: string } {
  const [owner = "", repo = ""] = foldAscii(repository).split("/");
  return { owner, repo };
}

function found(answer: RestAnswer, detail: string): unknown {
  if (answer === null) throw new Refusal("job_not_found", { detail });
  return answer.json;
}
