import type { Request } from "../answer.ts";
import type { Repository } from "./model.ts";
import type { State } from "./state.ts";

/** A request below /repos/{owner}/{repo}. */
export interface Asked {
  readonly state: State;
  readonly repository: Repository;
  readonly request: Request;
  /** The path after the repository. */
  readonly rest: string;
}
