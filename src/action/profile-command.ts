import { parseArgs } from "node:util";
import { keepOutOfCoreFiles } from "../cli/core-files.ts";
import { lineOf, usageError } from "../cli/failure.ts";
import { processHost, say } from "../cli/host.ts";
import { parseRequestOptions, type RequestFlags } from "../cli/request-options.ts";
import { request } from "../cli/request.ts";
import { toItsEnd } from "../cli/to-its-end.ts";

/**
 * What a profile of ours calls (see cli/profile): the action's script stands in for the executable, of
 * whose command line it knows just the words that are in a profile.
 */
export function runForProfile(argv: readonly string[]): void {
  keepOutOfCoreFiles();
  const host = processHost(process);
  const work = async (): Promise<number> => {
    return request(parseRequestOptions(flagsIn(argv), null, host.env), host);
  };
  toItsEnd(work, {
    tell: (error) => say(host, lineOf(error)),
    leave: (exitCode) => process.exit(exitCode),
  });
}

function flagsIn([command, ...args]: readonly string[]): RequestFlags {
  try {
    const text = { type: "string" } as const;
    const { values } = parseArgs({
      args,
      options: {
        format: text,
        proof: text,
        url: text,
        role: text,
        identity: text,
        "job-id": text,
        duration: text,
        "expect-account": text,
      },
    });
    const { "job-id": jobId, "expect-account": expectAccount, ...others } = values;
    if (command === "request" && values.format === "credential-process") {
      return {
        ...others,
        ...(jobId !== undefined && { jobId }),
        ...(expectAccount !== undefined && { expectAccount }),
      };
    }
  } catch {
    // Told below.
  }
  throw usageError(
    "this script is a step of an action, or called by a profile that it has written",
  );
}
