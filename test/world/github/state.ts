import type { KeyObject } from "node:crypto";

import { fullName, type Job, type Repository, type Run } from "./model.ts";

/** How the web takes the right cookie: as a session, or in one of the three ways in which an expired one shows. */
export type SessionState = "signed-in" | "redirect" | "sign-in-page" | "not-found";

export interface Installation {
  id: number;
  /** The owner that installed the app. */
  account: string;
  /** The ids of the repositories that it was given; null for all of the account's. */
  repositories: Set<number> | null;
}

export interface App {
  id: number;
  slug: string;
  clientId: string;
  publicKey: KeyObject;
  installations: Installation[];
}

/** All that the three origins answer from. */
export class State {
  readonly now: () => number;
  apiUrl = "";
  webUrl = "";
  storageUrl = "";

  readonly repositories: Repository[] = [];
  readonly runs: Run[] = [];
  /** Old "owner/name", in lower case → the repository that bore it. */
  readonly renamed = new Map<string, Repository>();

  /** The configured token. All of these are canaries: they must turn up nowhere but in requests to their own origin. */
  token = "ghp_canaryApiToken0000000000000000000000";
  session = {
    cookie: "canaryUserSession0000000000000000000000000000000",
    state: "signed-in" as SessionState,
  };
  app: App | null = null;
  /** Installation token → when it ends. */
  readonly installationTokens = new Map<
    string,
    { installation: Installation; expiresAt: number }
  >();
  /** Signatures of the log storage: what each opens, and until when. */
  readonly signatures = new Map<string, { path: string; content: () => string; until: number }>();

  /** `resetAt` in milliseconds. */
  budget: { limit: number; used: number; resetAt: number };
  secondaryLimit: { status: 403 | 429; retryAfter: number } | null = null;

  /** Milliseconds from what a process writes to the live feed; the real runner takes up to 250 or 500. */
  drainDelay: number | (() => number) = 0;
  /** Which of a step's items (1, 2, …) are lost on their way to the live feed. */
  loses: (item: number) => boolean = () => false;
  /** Bytes of a job page besides its steps. */
  pageFurniture = 30_000;

  #serial = 0;

  constructor(now: () => number) {
    this.now = now;
    this.budget = { limit: 5_000, used: 0, resetAt: now() + 3_600_000 };
  }

  /** Owner and repository names match in any case. A new repository wins over the memory of an old one. */
  repositoryNamed(owner: string, name: string): Repository | undefined {
    const wanted = `${owner}/${name}`.toLowerCase();
    return this.repositories.find((repository) => fullName(repository).toLowerCase() === wanted);
  }

  formerlyNamed(owner: string, name: string): Repository | undefined {
    return this.renamed.get(`${owner}/${name}`.toLowerCase());
  }

  repositoryWithId(id: number): Repository | undefined {
    return this.repositories.find((repository) => repository.id === id);
  }

  run(repository: Repository, id: number): Run | undefined {
    return this.runs.find((run) => run.id === id && run.repository === repository);
  }

  /** A job of any attempt, by its REST id. */
  job(repository: Repository, id: number): Job | undefined {
    for (const run of this.runs) {
      if (run.repository !== repository) continue;
      for (const attempt of run.attempts) {
        const job = attempt.jobs.find((candidate) => candidate.id === id);
        if (job !== undefined) return job;
      }
    }
    return undefined;
  }

  /** A number that no other job of this world has. */
  nextSerial(): number {
    this.#serial += 1;
    return this.#serial;
  }

  /** The time as the API writes it, in whole seconds. */
  time(): string {
    return new Date(this.now()).toISOString().replace(/\.\d+Z$/, "Z");
  }
}
