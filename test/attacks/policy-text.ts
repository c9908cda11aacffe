import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { actions2aws } from "../harness/program.ts";
import { fullConfig } from "../server/faults.ts";

/** What stands above the grants, and the one grant that has every key, a line each. */
export const [head = "", grant = ""] = fullConfig.split(/(?<=^grants:\n)/m);

/** A file with a grant for each of these texts, of which every first line holds the name. */
export interface GrantsFile {
  readonly text: string;
  /** The number of each grant's first line. */
  readonly starts: readonly number[];
}

export function fileOf(grants: readonly string[], above = head): GrantsFile {
  const starts: number[] = [];
  let text = above;
  for (const [index, one] of grants.entries()) {
    starts.push(text.split("\n").length);
    text += one.replace("name: shop-deploy", `name: g${index}`);
  }
  return { text, starts };
}

/** The grant with the line of one key changed, or without it; and which of its lines that is, from 0. */
export function changed(key: string, line: string | null): { at: number; text: string } {
  const lines = grant.split("\n");
  const at = lines.findIndex((entry) => entry.slice(4).startsWith(`${key}:`));
  if (at < 0) throw new Error(`no line for ${key}`);
  const indent = lines[at]?.slice(0, 4) ?? "";
  const kept =
    line === null ? [] : line.split("\n").map((part, row) => (row ? part : indent + part));
  return { at, text: lines.toSpliced(at, 1, ...kept).join("\n") };
}

/** The line of a key as it is written, from the key on. */
export function lineOf(key: string, text: string): string {
  const found = text
    .split("\n")
    .find((entry) => entry.trim().replace(/^- /, "").startsWith(`${key}:`));
  if (found === undefined) throw new Error(`no line for ${key}`);
  return found.trim().replace(/^- /, "");
}

export interface Checked {
  readonly exitCode: number | null;
  readonly faults: readonly { readonly line: number; readonly message: string }[];
  readonly stdout: string;
  readonly stderr: string;
}

/** Puts the text, or bytes that are none, into a file of its own. */
export function written(text: string | Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-policy-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "broker.yml");
  writeFileSync(file, text);
  return file;
}

/** What `serve --check` says of it. */
export async function checked(text: string | Uint8Array): Promise<Checked> {
  const file = written(text);
  const { exitCode, stdout, stderr } = await actions2aws(["serve", "--config", file, "--check"]);
  const faults = stderr.split("\n").flatMap((entry) => {
    const [, line, message = ""] = /^:(\d+): (.*)$/.exec(entry.slice(file.length)) ?? [];
    return line === undefined ? [] : [{ line: Number(line), message }];
  });
  return { exitCode, faults, stdout, stderr };
}
