import { generateIdentity } from "age-encryption";
import type { Request } from "../world/answer.ts";
import type { Reply } from "../world/ask.ts";
import { type Job, sha } from "../world/index.ts";
import type { Bench } from "./bench.ts";
import { Client } from "./client.ts";
import { grantLike, roleOf } from "./config.ts";
import type { Must, Outcome } from "./identity-verdict.ts";
import { changed, spelled } from "./mutations.ts";
import { tagsIn, withTags } from "./page-tags.ts";
import { calling } from "./scenes.ts";
import type { Single } from "./single-changes.ts";

/** What GitHub is asked for in a log proof, by path. */
const kinds = {
  run: /\/actions\/runs\/\d+$/,
  jobs: /\/attempts\/\d+\/jobs\?/,
  branch: /\/git\/ref\/heads\//,
  "matching tags": /\/git\/matching-refs\/tags\//,
  "annotated tag": /\/git\/tags\//,
  comparison: /\/compare\//,
  "job page": /\/runs\/\d+\/job\/\d+$/,
  steps: /\/steps\?/,
  "live feed": /\/backscroll$/,
} as const;
export type Kind = keyof typeof kinds;

/** How the run's commit stands to its ref; each way has GitHub asked for something else. */
export type Scene = "at the branch's tip" | "behind the branch's tip" | "of an annotated tag";

/** Makes other texts of GitHub's answers to one case; undefined leaves one as it is. */
export type Alter = (kind: Kind, text: string) => string | undefined;

/** A run of its own whose job asks by the log proof, while some of GitHub's answers about it are changed. */
export interface Tried {
  readonly job: Job;
  readonly reply: Reply;
  /** GitHub's answers as they were before they were changed. */
  readonly seen: ReadonlyMap<Kind, string>;
}

/** A grant that pins all that can be pinned, for the runs of these cases. */
export const pinnedGrant = grantLike("pinned", {
  ref: ["refs/heads/case-*", "refs/tags/case-*"],
  event: ["push"],
  job: ["deploy"],
  actor: ["octocat"],
  reusable_workflow: ["acme/ci/.github/workflows/deploy.yml@refs/heads/main"],
});

/** An answer as the value whose fields are changed: JSON, or the tags of a page. */
export function readAs(kind: Kind, text: string | undefined): unknown {
  return kind === "job page" ? tagsIn(text ?? "") : (JSON.parse(text ?? "") as unknown);
}

let cases = 100_000;

export class ChangedAnswers {
  readonly #bench: Bench;
  readonly #identity: string;
  readonly #byMark = new Map<string, { alter: Alter; seen: Map<Kind, string> }>();

  private constructor(bench: Bench, identity: string) {
    this.#bench = bench;
    this.#identity = identity;
  }

  static async of(bench: Bench): Promise<ChangedAnswers> {
    const answers = new ChangedAnswers(bench, await generateIdentity());
    const { github } = bench.world;
    // No case may be refused because others have used GitHub up, or wait for large pages.
    Object.assign(github.budget, { limit: 50_000_000, used: 0 });
    github.pageFurniture = 0;
    for (const service of [github.api, github.web])
      service.rewrite((text, request) => answers.#changed(text, request));
    return answers;
  }

  async try(scene: Scene, alter: Alter = () => undefined): Promise<Tried> {
    const { job, marks } = this.#job(scene);
    const it = { alter, seen: new Map<Kind, string>() };
    for (const mark of marks) this.#byMark.set(mark, it);
    const { world, broker, replies } = this.#bench;
    const options = { identity: this.#identity, replies };
    const client = await Client.of(world, broker.url, job, options);
    return { job, reply: await client.attempt({ role: roleOf("pinned") }), seen: it.seen };
  }

  /** Tries a case with these changes: one that must be refused must be, whatever else is changed. */
  async outcome(
    scene: Scene,
    changes: readonly (Single & { readonly kind: Kind })[],
  ): Promise<Outcome> {
    const alter: Alter = (kind, text) => {
      const here = changes.filter((change) => change.kind === kind);
      const all = here.flatMap((change) => change.changes);
      if (all.length === 0) return undefined;
      const answer = readAs(kind, text);
      return kind === "job page" ? withTags(text, changed(answer, all)) : spelled(answer, all);
    };
    const must = mustOf(changes);
    const first = await this.try(scene, alter);
    // A machine that is too busy looks like a GitHub in trouble: whoever must be served tries again.
    const again = must === "served" && [409, 503].includes(first.reply.status);
    const { job, reply } = again ? await this.try(scene, alter) : first;
    return {
      name: changes.map(({ kind, name }) => `${kind}: ${name}`).join(", and ") || "unchanged",
      job,
      reply,
      must,
      follows: changes.flatMap(({ follows }) => follows),
    };
  }

  #job(scene: Scene): { job: Job; marks: string[] } {
    const { github } = this.#bench.world;
    const { repository } = this.#bench;
    const id = ++cases;
    const name = `case-${id}`;
    const isTag = scene === "of an annotated tag";
    const headSha = github.push(repository, name, `commit of ${name}`);
    const object = sha(`tag object of ${name}`);
    if (scene === "behind the branch's tip") github.push(repository, name, `later than ${name}`);
    if (isTag) {
      repository.branches.delete(name);
      repository.tags.set(name, object);
      repository.tagObjects.set(object, headSha);
    }
    const run = github.addRun(repository, {
      id,
      runNumber: id,
      headBranch: name,
      headSha,
      ref: `refs/${isTag ? "tags" : "heads"}/${name}`,
      referencedWorkflows: [calling("acme/ci", "refs/heads/main")],
    });
    const job = github.addJob(run);
    github.addStep(job);
    return { job, marks: [`runs/${id}`, name, headSha, object] };
  }

  #changed(text: string, { path }: Request): string {
    const found = Object.entries(kinds).find(([, pattern]) => pattern.test(path));
    const [mark] = /runs\/\d+|case-\d+|[0-9a-f]{40}/.exec(path) ?? [];
    const it = this.#byMark.get(mark ?? "");
    if (found === undefined || it === undefined) return text;
    const kind = found[0] as Kind;
    // GitHub's 404 is no answer of this kind.
    if (text.startsWith(`{"message":`)) return text;
    it.seen.set(kind, text);
    return it.alter(kind, text) ?? text;
  }
}

function mustOf(changes: readonly Single[]): Must {
  const all = changes.map(({ must }) => must);
  if (all.includes("refused")) return "refused";
  return all.every((must) => must === "served") ? "served" : "either";
}
