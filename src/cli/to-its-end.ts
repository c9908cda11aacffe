import { Failure, exitCodes } from "./failure.ts";

/** How a program ends, once and for all. */
export interface Ending {
  /** Tells people of an error. */
  tell: (error: unknown) => void;
  leave: (exitCode: number) => never;
}

/** Does the work, and ends the process with its exit code, whatever else happens. */
export function toItsEnd(work: () => Promise<number>, { tell, leave }: Ending): void {
  const fail = (error: unknown): never => {
    tell(error);
    return leave(error instanceof Failure ? error.exitCode : exitCodes.other);
  };
  process.on("uncaughtException", fail);
  // Nothing is left to wait for, and nothing has come of it: Node would call that a success (C-13).
  process.on("beforeExit", () => fail(new Error("no outcome")));
  work().then(leave, fail);
}
