import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { root } from "../../scripts/bundle.ts";
import { ended } from "../harness/program.ts";
import { archiveOf, fakeGh, pathOf, programOf, sumOf } from "../harness/release-files.ts";
import { ReleaseServer } from "../harness/release-server.ts";
import { certificateFile } from "../harness/tls.ts";

// The root action.yml: its step as the runner runs it, and a whole workflow by act. install.test.ts has
// what install.sh refuses. go install github.com/nektos/act@v0.2.89

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

const workflow = `
on: push
jobs:
  try:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd
      - uses: ./
        with:
          server-url: \${{ vars.SERVER }}
          token: some-token
      - run: actions2aws --version
`;

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
  expect(await use({ ref: "main" })).toMatchObject({ exitCode: 0, version: own });
});

test("brings its version whatever lies in its folder, and does not run that, which would have the token", async () => {
  const there = join(folder, "temp/actions2aws-program");
  mkdirSync(there, { recursive: true });
  const planted = `#!/bin/sh\necho "$GH_TOKEN" >'${join(folder, "told")}'\necho 99.0.0\n`;
  writeFileSync(join(there, "actions2aws"), planted, { mode: 0o755 });
  expect(await use()).toMatchObject({ exitCode: 0, version: own });
  expect(existsSync(join(folder, "told"))).toBe(false);
});

test("asks gh with the token that it is given, the job's by default", async () => {
  await use();
  expect(readFileSync(join(folder, "gh/gh.asked"), "utf8")).toMatch(/^token=the job's token\n/);
  await use({ with: { token: "another" } });
  expect(readFileSync(join(folder, "gh/gh.asked"), "utf8")).toMatch(/^token=another\n/);
});

test.for([
  ["attested", 0, /\| 4\.5\.6$/m],
  ["not attested", 1, /no attestation of acme\/actions2aws/],
] as const)("in a workflow that act runs: %s", async ([answer, exitCode, shown]) => {
  const clone = join(folder, "clone");
  mkdirSync(join(clone, ".github/workflows"), { recursive: true });
  for (const file of ["action.yml", "install.sh"]) cpSync(join(root, file), join(clone, file));
  // Of a version of its own, so that it is the release's that is called.
  writeFileSync(join(clone, "package.json"), '{\n  "version": "4.5.6",\n}');
  writeFileSync(join(clone, ".github/workflows/try.yml"), workflow);
  const git = ["init -q", "add -A", "-c user.name=x -c user.email=x@x.example commit -qm x"];
  const remote = "remote add origin https://github.com/acme/actions2aws.git";
  for (const words of [...git, remote]) execFileSync("git", words.split(" "), { cwd: clone });
  const other = await release("v4.5.6");
  // act takes no blanks in its own paths.
  const home = mkdtempSync(join(tmpdir(), "actions2aws-act-"));
  try {
    const gh = fakeGh(join(folder, "gh"), answer);
    const args = ["push", "-C", clone, "-P", "ubuntu-latest=-self-hosted", "--action-offline-mode"];
    const env = { PATH: `${gh}:${process.env.PATH}`, HOME: home, XDG_CACHE_HOME: home };
    const settings = ["--var", `SERVER=${other.url}`, "--env", `CURL_CA_BUNDLE=${certificateFile}`];
    const run = await ended("act", [...args, ...settings], env);
    expect(run.stdout).toMatch(shown);
    expect(run.exitCode).toBe(exitCode);
  } finally {
    rmSync(home, { recursive: true, force: true });
    await other.close();
  }
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
