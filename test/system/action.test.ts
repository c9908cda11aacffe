import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { root } from "../../scripts/bundle.ts";
import { ended } from "../harness/program.ts";
import { archiveOf, fakeGh, pathOf, programOf, sumOf } from "../harness/release-files.ts";
import { ReleaseServer } from "../harness/release-server.ts";
import { certificateFile } from "../harness/tls.ts";

// The root action.yml: its steps as the runner runs them. install.test.ts has what install.sh refuses.

interface Action {
  readonly inputs: Record<string, { readonly default: string }>;
  readonly runs: {
    readonly steps: {
      readonly shell: string;
      readonly env: Record<string, string>;
      readonly run: string;
    }[];
  };
}

const action = parse(readFileSync(join(root, "action.yml"), "utf8")) as Action;
const { version: own } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
};
const archive = `actions2aws-linux-${process.arch}.tar.xz`;

let folder: string;
let server: ReleaseServer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "actions2aws action "));
  server = await release(`v${own}`);
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

async function release(tag: string): Promise<ReleaseServer> {
  const started = await ReleaseServer.start("acme/actions2aws", tag);
  const bytes = archiveOf(join(folder, tag), archive, programOf(tag.slice(1)));
  started.files.set(archive, bytes);
  started.files.set("SHA256SUMS", `${sumOf(bytes)}  ${archive}\n`);
  return started;
}

interface Use {
  /** What stands behind `@` in the workflow. */
  readonly ref?: string;
  readonly with?: Record<string, string>;
  readonly gh?: Parameters<typeof fakeGh>[1];
}

/** A step that uses the action, and then one that calls the program. */
async function use({ ref = "0".repeat(40), with: given = {}, gh = "attested" }: Use = {}) {
  const temp = join(folder, "temp");
  mkdirSync(temp, { recursive: true });
  const paths = join(folder, "github-path");
  writeFileSync(paths, "");
  const contexts: Record<string, string> = {
    "github.action_repository || github.repository": "acme/actions2aws",
    "github.action_path": root,
    "github.action_ref": ref,
    "github.token": "the job's token",
  };
  const expression = /\$\{\{ ([^}]+) \}\}/g;
  const evaluated = (text: string): string =>
    text.replace(expression, (_all, it: string) => contexts[it] ?? `no value of ${it}`);
  for (const [name, input] of Object.entries(action.inputs))
    contexts[`inputs.${name}`] = given[name] ?? evaluated(input.default);
  contexts["inputs.server-url"] = given["server-url"] ?? server.url;
  const path = pathOf(fakeGh(join(folder, "gh"), gh));
  const runner = {
    PATH: path,
    HOME: join(folder, "home"),
    RUNNER_TEMP: temp,
    GITHUB_PATH: paths,
    GITHUB_ACTIONS: "true",
    CURL_CA_BUNDLE: certificateFile,
  };
  const file = join(folder, "step.sh");
  const [step] = action.runs.steps;
  if (step === undefined) throw new Error("the action has no step");
  writeFileSync(file, step.run);
  const env = Object.entries(step.env).map(([name, value]) => [name, evaluated(value)]);
  const shell = ["--noprofile", "--norc", "-e", "-o", "pipefail", file];
  const install = await ended("bash", shell, { ...runner, ...Object.fromEntries(env) });
  const onPath = readFileSync(paths, "utf8").split("\n").filter(Boolean);
  const next = spawnSync("bash", ["-ec", "actions2aws --version"], {
    env: { PATH: pathOf(...onPath) },
    encoding: "utf8",
  });
  return { ...install, onPath, version: next.stdout.trim() };
}

test("has one step, in bash, which Windows runners have as well", () => {
  expect(action.runs.steps).toMatchObject([{ shell: "bash" }]);
});

test("used by its commit, brings the version that the commit belongs to", async () => {
  expect(await use()).toMatchObject({
    exitCode: 0,
    onPath: [join(folder, "temp/actions2aws-program")],
    version: own,
  });
  expect(server.asked.filter((path) => path.includes("latest"))).toEqual([]);
});

test("used by a version's tag, brings that one; by a branch, its own", async () => {
  const other = await release("v9.8.7");
  try {
    const at = { "server-url": other.url };
    expect(await use({ ref: "v9.8.7", with: at })).toMatchObject({ exitCode: 0, version: "9.8.7" });
    expect(await use({ ref: "v9", with: { ...at, version: "v9.8.7" } })).toMatchObject({
      version: "9.8.7",
    });
  } finally {
    await other.close();
  }
  rmSync(join(folder, "temp"), { recursive: true });
  expect(await use({ ref: "main" })).toMatchObject({ exitCode: 0, version: own });
});

test("asks gh with the token that it is given, the job's by default", async () => {
  await use();
  expect(readFileSync(join(folder, "gh/gh.asked"), "utf8")).toMatch(/^token=the job's token\n/);
  await use({ with: { token: "another" } });
  expect(readFileSync(join(folder, "gh/gh.asked"), "utf8")).toMatch(/^token=another\n/);
});

test.for([
  ["without an attestation", { gh: "not attested" }, /no attestation of acme\/actions2aws/],
  ["without a gh that can tell", { gh: "too old" }, /gh 2\.68 or newer/],
  ["for a release that is not there", { with: { version: "v0.0.1" } }, /can't be fetched/],
  ["for what is no version", { with: { version: "$(id)" } }, /is not a version/],
] as const)("fails the step, and puts nothing on PATH, %s", async ([, how, why]) => {
  const { exitCode, stderr, onPath } = await use(how);
  expect({ exitCode, onPath }).toEqual({ exitCode: 1, onPath: [] });
  expect(stderr).toMatch(why);
  expect(existsSync(join(folder, "temp/actions2aws-program"))).toBe(false);
});
