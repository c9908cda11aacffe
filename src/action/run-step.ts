import { keepOutOfCoreFiles } from "../cli/core-files.ts";
import { lineOf } from "../cli/failure.ts";
import { type Host, processHost, say } from "../cli/host.ts";
import type { Made } from "../cli/made.ts";
import { addError } from "../cli/runner.ts";
import { toItsEnd } from "../cli/to-its-end.ts";
import { withInputNames } from "./inputs.ts";
import { saveMade } from "./made-things.ts";

/** The main step of an action: it makes things for the job, and its failure is the job's. */
export function runStep(work: (host: Host) => number | Promise<number>): void {
  keepOutOfCoreFiles();
  const host = remembering(processHost(process));
  toItsEnd(async () => work(host), {
    tell: (error) => addError(host.stderr, withInputNames(lineOf(error))),
    leave: (exitCode) => process.exit(exitCode),
  });
}

/** Saved as soon as it is made: the post step comes even if this one is cancelled half-way. */
function remembering(host: Host): Host {
  const things: Made[] = [];
  return {
    ...host,
    made: (thing) => {
      things.push(thing);
      try {
        saveMade(things, host.env);
      } catch (error) {
        say(host, `this will not be cleared away after the job: ${lineOf(error)}`);
      }
    },
  };
}
