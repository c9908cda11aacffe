import { existsSync, readFileSync } from "node:fs";

/** What GITHUB_ENV's file sets for later steps: `NAME=value`, or `NAME<<END`, lines, `END`. */
export function environmentIn(file: string): Record<string, string> {
  const variables: Record<string, string> = {};
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  for (let at = 0; at < lines.length; at++) {
    const [, name = "", mark, rest = ""] = /^([^=<]+)(=|<<)(.*)$/.exec(lines[at] ?? "") ?? [];
    if (mark === "=") {
      variables[name] = rest;
    } else if (mark === "<<") {
      const end = lines.indexOf(rest, at + 1);
      if (end < 0) throw new Error(`GITHUB_ENV: no end of ${name}`);
      variables[name] = lines.slice(at + 1, end).join("\n");
      at = end;
    }
  }
  return variables;
}
