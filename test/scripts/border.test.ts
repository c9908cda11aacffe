import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../../scripts/bundle.ts";

const violations: [folder: string, text: string][] = [
  ["core", `import { readFileSync } from "node:fs"; readFileSync("x");`],
  ["core", `import fs from "fs"; fs.readFileSync("x");`],
  ["core", `export * from "node:os";`],
  ["core", `export const os = await import("node:os");`],
  ["core", `import type { Broker } from "../server/broker.ts"; export type B = Broker;`],
  ["core", `export const broker = import("../server/broker.ts");`],
  ["core", `import { main } from "../cli/main.ts"; main();`],
  ["core", `import { request } from "undici"; export default request;`],
  ["core", `import { Octokit } from "@octokit/rest"; export default Octokit;`],
  ["core", `import { STSClient } from "@aws-sdk/client-sts"; export default STSClient;`],
  ["core", `import pino from "pino"; export default pino;`],
  ["core", `import { Hono } from "hono"; export default Hono;`],
  ["core", `export const home = process.env.HOME;`],
  ["core", `export const env = globalThis.process.env;`],
  ["core", `export const bytes = Buffer.from("x");`],
  ["core", `export const answer = await fetch("https://example.com");`],
  ["core", `setTimeout(() => {}, 1);`],
  ["core", `setInterval(() => {}, 1);`],
  ["core", `export const id = crypto.randomUUID();`],
  ["core", `export const now = Date.now();`],
  ["core", `export const { now } = Date;`],
  ["core", `export const time = performance.now();`],
  ["core", `export const chance = Math.random();`],
  ["core", `console.log("x");`],
  ["cli", `import { broker } from "../server/broker.ts"; broker();`],
  ["cli", `export const broker = import("../server/broker.ts");`],
  ["action", `import { broker } from "../server/broker.ts"; broker();`],
  ["server", `import { main } from "../cli/main.ts"; main();`],
];

const allowed: [file: string, text: string][] = [
  ["core/hash.ts", `import { sha256 } from "@noble/hashes/sha2.js"; export default sha256;`],
  ["core/time.ts", `export const time = (ms: number) => new Date(ms).toISOString();`],
  ["cli/serve.ts", `import { broker } from "../server/broker.ts"; broker();`],
  ["server/file.ts", `import { readFileSync } from "node:fs"; readFileSync("x");`],
];

describe("the linter holds the borders between the folders", () => {
  const project = mkdtempSync(join(tmpdir(), "actions2aws-border-"));
  let complaints: readonly Complaint[] = [];

  beforeAll(() => {
    cpSync(join(root, ".oxlintrc.json"), join(project, ".oxlintrc.json"));
    for (const folder of ["core", "cli", "action", "server"]) {
      mkdirSync(join(project, "src", folder), { recursive: true });
    }
    const files = [...violations.map(([, text], index) => [violation(index), text]), ...allowed];
    for (const [file = "", text = ""] of files) writeFileSync(join(project, "src", file), text);
    complaints = lint(project);
  });
  afterAll(() => rmSync(project, { recursive: true }));

  test.for(violations.map(([folder, text], index) => ({ folder, text, index })))(
    "not in $folder: $text",
    ({ index }) => {
      const own = complaints.filter(({ filename }) => filename === `src/${violation(index)}`);
      expect(own.map(({ code }) => code).join()).toMatch(
        /no-restricted-|prefer-node-protocol|no-console/,
      );
    },
  );

  test("what is allowed passes", () => {
    const files = allowed.map(([file]) => `src/${file}`);
    expect(complaints.filter(({ filename }) => files.includes(filename))).toEqual([]);
  });
});

test("core never asks what time it is", () => {
  for (const file of readdirSync(join(root, "src/core"))) {
    const text = readFileSync(join(root, "src/core", file), "utf8");
    expect(text, file).not.toMatch(/\bDate\(\s*\)|\bnew Date\b(?!\()/);
  }
});

interface Complaint {
  readonly code: string;
  readonly filename: string;
}

function violation(index: number): string {
  return `${violations[index]?.[0]}/violation-${index}.ts`;
}

function lint(project: string): readonly Complaint[] {
  const oxlint = join(root, "node_modules/.bin/oxlint");
  const { stdout } = spawnSync(oxlint, ["--format=json"], { cwd: project, encoding: "utf8" });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: Complaint[] };
  return diagnostics;
}
