import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

const root = join(import.meta.dirname, "../..");

/** The runner's own Node; in a test the one that runs it. */
const node = process.execPath;

export interface Metadata {
  readonly inputs: Readonly<Record<string, { description: string; default?: string }>>;
  readonly outputs: Readonly<Record<string, { description: string }>>;
  readonly runs: { readonly using: string; readonly main: string; readonly post: string };
}

export function metadataOf(path: string): Metadata {
  return parse(readFileSync(join(root, path, "action.yml"), "utf8")) as Metadata;
}

/** An action as the runner runs it. */
export interface Action {
  readonly main: readonly [string, string];
  readonly post: readonly [string, string];
  /** What the log shows of the inputs, and the variables that the script finds. */
  inputs(
    given: Readonly<Record<string, string>>,
    checkRunId: string,
  ): { shown: Record<string, string>; variables: Record<string, string> };
}

/** @param path in this repository */
export function readAction(path: string): Action {
  const { inputs, runs } = metadataOf(path);
  return {
    main: [node, join(root, path, runs.main)],
    post: [node, join(root, path, runs.post)],
    inputs(given, checkRunId) {
      const defaults = Object.entries(inputs).map(([name, { default: text = "" }]) => {
        return [name, text.replace("${{ job.check_run_id }}", checkRunId)] as const;
      });
      const all: Record<string, string> = { ...Object.fromEntries(defaults), ...given };
      const shown = Object.entries(all).filter(([, value]) => value !== "");
      const variables = Object.entries(all).map(([name, value]) => {
        return [`INPUT_${name.replaceAll(" ", "_").toUpperCase()}`, value] as const;
      });
      return { shown: Object.fromEntries(shown), variables: Object.fromEntries(variables) };
    },
  };
}
