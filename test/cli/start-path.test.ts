import { expect, test } from "vitest";
import { start } from "./launcher.ts";
import { scriptedBroker } from "../harness/scripted-broker.ts";
import { jobEnvironment, temporaryFolder } from "./test-host.ts";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** Prints every module that is loaded, on stderr. */
const recorder = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  import fs from "node:fs";
  const { writeSync } = fs;
  registerHooks({ load(url, context, next) { writeSync(2, "LOADED " + url + "\\n"); return next(url, context); } });
`)}`;

async function loadedBy(args: string[], env: Record<string, string>): Promise<string[]> {
  const { err } = await start([process.execPath, "--import", recorder, main, ...args], env).ended;
  return err
    .split("\n")
    .filter((line) => line.startsWith("LOADED "))
    .map((line) => line.replace(/^LOADED (.*\/(node_modules|src)\/)?/, ""))
    .filter((line) => !line.startsWith("data:"));
}

test("keygen loads next to nothing: start time counts in every job", async () => {
  const loaded = await loadedBy(["keygen"], { RUNNER_TEMP: temporaryFolder() });
  expect(loaded).toContain("cli/keygen.ts");
  expect(loaded.filter((name) => name.startsWith("node:")).toSorted()).toEqual([
    "node:crypto",
    "node:os",
    "node:path",
    "node:util",
  ]);
  expect(loaded.filter((name) => !/^(node:|cli\/|core\/)/.test(name))).toEqual([
    "@scure/base/index.js",
  ]);
});

test("request loads the age library and no other large one", async () => {
  const broker = await scriptedBroker();
  const args = ["request", "--url", broker.url, "--role", "arn:aws:iam::123456789012:role/x"];
  const loaded = await loadedBy(args, jobEnvironment(temporaryFolder()));
  const packages = loaded.filter((name) => !/^(node:|cli\/|core\/)/.test(name));
  const names = new Set(packages.map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name));
  expect([...names].toSorted()).toEqual([
    "@noble/ciphers",
    "@noble/curves",
    "@noble/hashes",
    "@noble/post-quantum",
    "@scure/base",
    "age-encryption",
    "commander",
  ]);
  expect(loaded).not.toContain("node:https");
});

test("credentials that are kept are found without the age library and without a connection", async () => {
  const broker = await scriptedBroker();
  const args = ["request", "--url", broker.url, "--role", "arn:aws:iam::123456789012:role/x"];
  const env = { ...jobEnvironment(temporaryFolder()), ACTIONS2AWS_FORMAT: "credential-process" };
  await loadedBy(args, env);
  const loaded = await loadedBy(args, env);
  expect(broker.journal).toHaveLength(2);
  expect(loaded.filter((name) => name.startsWith("age-encryption"))).toEqual([]);
  expect(loaded).toContain("cli/kept-credentials.ts");
});
