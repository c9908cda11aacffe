import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../scripts/bundle.ts";

// Where the documents lead to has to be there, heading and all.

const documents = execFileSync("git", ["ls-files", "*.md"], { cwd: root, encoding: "utf8" })
  .trim()
  .split("\n");

const textOf = (path: string): string =>
  readFileSync(join(root, path), "utf8").replaceAll(/```[\s\S]*?```/g, "");

/** As GitHub makes a heading's address. */
function addressOf(heading: string): string {
  const shown = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll(/[`*]/g, "");
  return shown
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\-_ ]/gu, "")
    .replaceAll(" ", "-");
}

function placesIn(path: string): readonly string[] {
  const text = textOf(path);
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, it]) => addressOf(String(it)));
  return [...headings, ...[...text.matchAll(/ id="([^"]+)"/g)].map(([, it]) => String(it))];
}

function isThere(document: string, link: string): boolean {
  const [file = "", place] = link.split("#");
  const path = file === "" ? document : normalize(join(dirname(document), file));
  if (!existsSync(join(root, path))) return false;
  return place === undefined || !path.endsWith(".md") || placesIn(path).includes(place);
}

test.for(documents)("%s leads to what is there", (document) => {
  const links = [...textOf(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => String(link));
  const own = links.filter((link) => !/^https?:/.test(link));
  expect(own.filter((link) => !isThere(document, link))).toEqual([]);
});
