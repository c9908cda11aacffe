import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { type Config, ConfigError, parseConfig } from "./config.ts";

/** @throws {ConfigError}, and what the file system says */
export function readConfig(path: string): Config {
  return parseConfig(textOf(readFileSync(path)));
}

/** What is read, and hashed, is what stands in the file: no byte is replaced (P-06). */
function textOf(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  if (isUtf8(bytes)) return text;
  const line = text.slice(0, text.indexOf("\uFFFD")).split("\n").length;
  throw new ConfigError([{ line, message: "the file must be UTF-8" }]);
}

/** @returns a line for each fault of a configuration that was not to be had; null for any other error */
export function configFaults(error: unknown, path: string): string[] | null {
  if (error instanceof ConfigError) {
    const sorted = error.faults.toSorted((a, b) => a.line - b.line);
    return sorted.map(({ line, message }) => `${path}:${line}: ${message}`);
  }
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "ENOENT" && code !== "EACCES" && code !== "EISDIR") return null;
  return [`actions2aws: the configuration can't be read (${code}): ${path}`];
}
