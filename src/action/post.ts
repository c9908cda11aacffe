import { type Host, processHost, say } from "../cli/host.ts";
import { lineOf } from "../cli/failure.ts";
import { toItsEnd } from "../cli/to-its-end.ts";
import { clearUp } from "./clear-up.ts";
import { readMade } from "./made-things.ts";

const host: Host = processHost(process);

/** What stays is no reason to fail a job that has done its work. */
toItsEnd(async () => clearUp(readMade(host.env), host), {
  tell: (error) => say(host, `nothing is cleared away: ${lineOf(error)}`),
  leave: () => process.exit(0),
});
