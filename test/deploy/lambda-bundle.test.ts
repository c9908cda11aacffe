import { execFile } from "node:child_process";
import { copyFileSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { readConfig } from "../../src/server/config-file.ts";
import { makeFolder } from "../server/folder.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const bundle = join(root, "dist/lambda/index.mjs");
const example = join(root, "deploy/aws/broker.yml");

test("the bundle is one file that needs nothing beside it but the configuration", async () => {
  await run(process.execPath, [join(root, "scripts/build-lambda.ts")]);
  const folder = makeFolder();
  copyFileSync(bundle, join(folder, "index.mjs"));
  copyFileSync(example, join(folder, "broker.yml"));
  // Without secrets it does not start, and says so, which takes all of it but the network.
  const started = run(process.execPath, [join(folder, "index.mjs")], {
    cwd: folder,
    env: { LAMBDA_TASK_ROOT: folder },
  });
  await expect(started).rejects.toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^\{"msg":"not started","faults":\[".*GITHUB_TOKEN/),
  });
  expect(statSync(bundle).size).toBeLessThan(6e6);
});

test("the example's configuration loads, and is one for Lambda", () => {
  const { auditFile, store, publicUrl } = readConfig(example);
  expect([auditFile, store]).toEqual([undefined, { kind: "dynamodb", table: "actions2aws" }]);
  expect(publicUrl).toMatch(/^https:/);
});

test("the documentation names each parameter of the template", () => {
  const text = readFileSync(join(root, "deploy/aws/template.yml"), "utf8");
  const [, parameters = ""] = /^Parameters:\n([\s\S]*?)^\S/m.exec(text) ?? [];
  const documented = readFileSync(join(root, "docs/lambda.md"), "utf8");
  const names = [...parameters.matchAll(/^ {2}(\w+):$/gm)].map(([, name = ""]) => name);
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) expect(documented).toContain(`\`${name}\``);
});
