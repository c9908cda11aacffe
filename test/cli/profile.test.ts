import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { actions2aws, start } from "./launcher.ts";
import { role } from "./request-scene.ts";
import { freshAnswers, problem, type Script, scriptedBroker } from "../harness/scripted-broker.ts";
import { jobEnvironment, temporaryFolder } from "./test-host.ts";

async function job(script: Script = {}, more: Record<string, string> = {}) {
  const folder = temporaryFolder();
  const broker = await scriptedBroker({
    credentials: [freshAnswers()],
    renewals: [freshAnswers()],
    ...script,
  });
  const env: Record<string, string> = {
    ...jobEnvironment(folder),
    HOME: folder,
    ACTIONS2AWS_URL: broker.url,
    ACTIONS2AWS_ROLE: role,
    ...more,
  };
  const file = join(folder, ".aws/credentials");
  return {
    folder,
    broker,
    file,
    env,
    text: () => readFileSync(file, "latin1"),
    /** Puts bytes there, as Latin-1. */
    put: (text: string, path = file) => {
      mkdirSync(join(folder, ".aws"), { recursive: true });
      writeFileSync(path, Buffer.from(text, "latin1"));
    },
    request: (args: string[], extra = {}) =>
      actions2aws(["request", ...args], { ...env, ...extra }),
  };
}

/** The command of the profile, called as most SDKs do. */
function callProfile(text: string, env: Record<string, string>) {
  const [, command = ""] = /^credential_process = (.*)$/m.exec(text) ?? [];
  return start(["sh", "-c", command], env).ended;
}

test("the request proves, and the profile's command finds what it left", async () => {
  const { request, text, broker, env, folder } = await job();
  const asked = await request(["--profile", "deploy", "--region", "eu-west-1"]);
  expect(asked.code).toBe(0);
  expect(asked.out).toBe(
    "export AWS_PROFILE='deploy';\nexport AWS_REGION='eu-west-1';\nexport AWS_DEFAULT_REGION='eu-west-1';\n",
  );
  expect(asked.err).toMatch(
    /actions2aws: profile deploy in .*\/\.aws\/credentials: credentials for arn:/,
  );
  expect(text()).toMatch(
    /^\[deploy\]\ncredential_process = \/.* request --format credential-process .*\nregion = eu-west-1\n$/,
  );
  expect(broker.journal).toHaveLength(2);
  // Another folder, a bare environment: all that it needs is in the profile.
  const bare = Object.entries({ ...env, HOME: "/nowhere" }).filter(([name]) => {
    return !name.startsWith("ACTIONS2AWS_");
  });
  const called = await callProfile(text(), Object.fromEntries(bare));
  expect(called.code).toBe(0);
  expect(JSON.parse(called.out)).toMatchObject({ Version: 1, AccessKeyId: expect.any(String) });
  expect(broker.journal).toHaveLength(2);
  expect(readdirSync(join(folder, ".aws"))).toEqual(["credentials"]);
});

test("nothing secret is in the file, which is 0600 in a folder 0700 (C-19)", async () => {
  const { request, text, file, folder, env } = await job();
  await request(["--profile", "deploy"]);
  const called = JSON.parse((await callProfile(text(), env)).out) as Record<string, string>;
  for (const secret of [called.AccessKeyId, called.SecretAccessKey, called.SessionToken])
    expect(text()).not.toContain(secret);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, ".aws")).mode & 0o777).toBe(0o700);
});

test("the rest of the file stays byte for byte, also when the profile is written again", async () => {
  const { request, text, put, file } = await job();
  const before =
    "# mine \xff\r\n[default]\r\naws_access_key_id=AKIAX\n aws_secret_access_key = s = \xe9\n\n[b]";
  put(before);
  chmodSync(file, 0o644);
  await request(["--profile", "deploy"]);
  const once = text();
  expect(once.startsWith(before)).toBe(true);
  expect(once.slice(before.length)).toMatch(
    /^\r\n\r\n\[deploy\]\r\ncredential_process = [^\r\n]+\r\n$/,
  );
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await request(["--profile", "deploy"]);
  expect(text()).toBe(once);
});

test("temporary credentials of that name are replaced", async () => {
  const { request, text, put } = await job();
  put(
    "[deploy]\naws_access_key_id=ASIA1\naws_secret_access_key=x\naws_session_token=y\n[b]\nz=1\n",
  );
  expect((await request(["--profile", "deploy"])).code).toBe(0);
  expect(text()).toMatch(/^\[deploy\]\ncredential_process = .*\n\[b\]\nz=1\n$/);
});

describe("is refused before anything is asked, and changes nothing", () => {
  test.each<[string, string, RegExp]>([
    [
      "a long-lived key",
      "[deploy]\naws_access_key_id=AKIA1\naws_secret_access_key=x\n",
      /long-lived key/,
    ],
  ])("%s of that name", async (_name, before, line) => {
    const { request, text, put, broker } = await job();
    put(before);
    const { code, out, err } = await request(["--profile", "deploy"]);
    expect({ code, out }).toEqual({ code: 1, out: "false\n" });
    expect(err).toMatch(line);
    expect(text()).toBe(before);
    expect(broker.journal).toEqual([]);
  });

  test.each(["role_arn", "sso_session", "credential_process", "source_profile"])(
    "a profile with %s in the other file",
    async (setting) => {
      const { request, put, folder, broker, file } = await job();
      put(`[profile deploy]\nregion=x\n${setting} = y\n`, join(folder, ".aws/config"));
      const { code, err } = await request(["--profile", "deploy"]);
      expect(code).toBe(1);
      expect(err).toContain(`the profile deploy has ${setting} in`);
      expect(broker.journal).toEqual([]);
      expect(existsSync(file)).toBe(false);
    },
  );

  test("a symbolic link in the file's place", async () => {
    const { request, folder, file, broker } = await job();
    mkdirSync(join(folder, ".aws"));
    writeFileSync(join(folder, "theirs"), "[a]\n");
    symlinkSync(join(folder, "theirs"), file);
    const { code, err } = await request(["--profile", "deploy"]);
    expect(code).toBe(1);
    expect(err).toContain("is a symbolic link, which is not followed");
    expect(readFileSync(join(folder, "theirs"), "utf8")).toBe("[a]\n");
    expect(broker.journal).toEqual([]);
  });

  test.each(["x]\n[default", "a b", "../x", "$(id)", "é", "", "x;y", "-".repeat(65)])(
    "the name %j",
    async (name) => {
      const { request, broker, file } = await job();
      const { code, out, err } = await request([`--profile=${name}`]);
      expect({ code, out }).toEqual({ code: 2, out: "false\n" });
      expect(err).toContain("--profile must be a name");
      expect(broker.journal).toEqual([]);
      expect(existsSync(file)).toBe(false);
    },
  );
});

test("a denial leaves the file as it was", async () => {
  const { request, text, put } = await job({ credentials: [problem(403, "no_grant")] });
  put("[default]\nx=1\n");
  expect(await request(["--profile", "deploy"])).toMatchObject({ code: 3, out: "false\n" });
  expect(text()).toBe("[default]\nx=1\n");
});

test("AWS_SHARED_CREDENTIALS_FILE says where, and github-env hands the name on", async () => {
  const { request, folder, file } = await job();
  const elsewhere = join(folder, "a b'c/aws");
  const GITHUB_ENV = join(folder, "env");
  const { code, out } = await request(["--profile", "deploy", "--format", "github-env"], {
    AWS_SHARED_CREDENTIALS_FILE: elsewhere,
    GITHUB_ENV,
  });
  expect({ code, out }).toEqual({ code: 0, out: "" });
  expect(readFileSync(GITHUB_ENV, "utf8")).toMatch(/^AWS_PROFILE<<(\S+)\ndeploy\n\1\n$/);
  expect(readFileSync(elsewhere, "utf8")).toContain("[deploy]\n");
  expect(existsSync(file)).toBe(false);
});

test("an identity with a hostile path is quoted for the shell", async () => {
  const { request, text, folder, env } = await job();
  const identity = join(folder, "a 'b' $(touch pwned) \"c\" `id`", "key");
  const asked = await request(["--profile", "deploy", "--identity", identity]);
  expect(asked.code).toBe(0);
  expect((await callProfile(text(), env)).code).toBe(0);
  expect(existsSync("pwned")).toBe(false);
});

test("many profiles at once all arrive", async () => {
  const { request, text } = await job();
  const names = ["a", "b", "c", "d", "e"];
  const asked = await Promise.all(names.map((name) => request(["--profile", name])));
  expect(asked.map(({ code }) => code)).toEqual(names.map(() => 0));
  expect(
    text()
      .match(/^\[.*\]$/gm)
      ?.toSorted(),
  ).toEqual(names.map((name) => `[${name}]`));
});

test("variables that would win are warned of", async () => {
  const { request } = await job();
  const { err } = await request(["--profile", "deploy"], { AWS_ACCESS_KEY_ID: "AKIAX" });
  expect(err).toMatch(/warning: AWS_ACCESS_KEY_ID is set, and some AWS tools prefer it/);
});

test("in another job the profile's command gives nothing, and says what to do (C-08)", async () => {
  const { request, text, env, broker } = await job();
  await request(["--profile", "deploy"]);
  const { code, out, err } = await callProfile(text(), { ...env, GITHUB_RUN_ID: "1" });
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toContain("no credentials of this job are kept");
  expect(broker.journal).toHaveLength(2);
});
