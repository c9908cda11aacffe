import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { readConfig } from "../../src/server/config-file.ts";
import { makeFolder } from "../server/folder.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const bundle = join(root, "dist/lambda/index.mjs");
const example = join(root, "deploy/aws/broker.yml");

beforeAll(async () => {
  await run(process.execPath, [join(root, "scripts/build-lambda.ts")]);
});

test("the bundle is one file that needs nothing beside it but the configuration", async () => {
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

test("the documentation's way to try the handler is one", async () => {
  const documented = readFileSync(join(root, "docs/lambda.md"), "utf8");
  const scripts = [...documented.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, it = ""]) => it);
  const [script = ""] = scripts.filter((it) => it.includes("--eval"));
  const folder = makeFolder();
  mkdirSync(join(folder, "dist/lambda"), { recursive: true });
  mkdirSync(join(folder, "deploy/aws"), { recursive: true });
  copyFileSync(bundle, join(folder, "dist/lambda/index.mjs"));
  copyFileSync(example, join(folder, "dist/lambda/broker.yml"));
  copyFileSync(join(root, "deploy/aws/event.json"), join(folder, "deploy/aws/event.json"));
  const env = { PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
  const { stdout } = await run("bash", ["-euc", script], { cwd: folder, env, maxBuffer: 2 ** 24 });
  expect(stdout).toMatch(/statusCode: 200,[\s\S]*"openapi"/);
});

test("the example's configuration loads, and is one for Lambda", () => {
  const { auditFile, store, publicUrl } = readConfig(example);
  expect([auditFile, store]).toEqual([undefined, { kind: "dynamodb", table: "actions2aws" }]);
  expect(publicUrl).toMatch(/^https:/);
});

test("the template takes one secret's ARN, and none that stands for several", () => {
  const text = readFileSync(join(root, "deploy/aws/template.yml"), "utf8");
  const [, pattern = ""] =
    /ExistingSecretArn:\n(?:.*\n){2} +AllowedPattern: (".*")\n/.exec(text) ?? [];
  const allowed = new RegExp(`^(?:${JSON.parse(pattern)})$`);
  const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:";
  for (const one of ["", `${arn}a-AbCdEf`, `${arn}team/broker_1+=.@-x-AbCdEf`])
    expect(one).toMatch(allowed);
  for (const many of ["*-AbCdEf", "a?-AbCdEf", "team/*", "a", "a-AbC\nEf"])
    expect(`${arn}${many}`).not.toMatch(allowed);
});

test("the documentation names each parameter of the template", () => {
  const text = readFileSync(join(root, "deploy/aws/template.yml"), "utf8");
  const [, parameters = ""] = /^Parameters:\n([\s\S]*?)^\S/m.exec(text) ?? [];
  const documented = readFileSync(join(root, "docs/lambda.md"), "utf8");
  const names = [...parameters.matchAll(/^ {2}(\w+):$/gm)].map(([, name = ""]) => name);
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) expect(documented).toContain(`\`${name}\``);
});
