import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { actions2aws, launcher, start, until } from "./launcher.ts";
import { role } from "./request-scene.ts";
import { freshAnswers, problem, type Script, scriptedBroker } from "../harness/scripted-broker.ts";
import { jobEnvironment, temporaryFolder } from "./test-host.ts";

async function job(script: Script = {}) {
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
  };
  return { folder, broker, env };
}

interface Place {
  readonly url: string;
  readonly tokenFile: string;
  readonly token: string;
}

/** A command that tells where its endpoint is, and stays until it is stopped. */
async function running(script: Script = {}, more: Record<string, string> = {}) {
  const { folder, broker, env } = await job(script);
  const tell =
    "trap 'exit 9' TERM; " +
    'echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"; ' +
    "while :; do sleep 0.05; done";
  const words = [...launcher, "request", "--refresh", "--", "sh", "-c", tell] as const;
  const process = start(words, { ...env, ...more });
  await until(() => process.soFar().out.includes("\n"));
  const [url = "", tokenFile = ""] = process.soFar().out.trim().split(" ");
  const place: Place = { url, tokenFile, token: readFileSync(tokenFile, "utf8") };
  return { process, place, folder, broker };
}

function ask(
  { url, token }: Pick<Place, "url" | "token">,
  init: { method?: string; authorization?: string | null; path?: string } = {},
) {
  const { method = "GET", authorization = token, path } = init;
  return fetch(path === undefined ? url : new URL(url).origin + path, {
    method,
    redirect: "error",
    ...(authorization !== null && { headers: { authorization } }),
  });
}

async function keysAt(place: Place): Promise<Record<string, string>> {
  const answer = await ask(place);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, string>;
}

test("the endpoint gives what the AWS tools read, to who has the token", async () => {
  const { place, process, folder } = await running();
  expect(place.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/credentials$/);
  expect(place.token).toMatch(/^[\w-]{43}$/);
  expect(statSync(place.tokenFile).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(place.tokenFile)).mode & 0o777).toBe(0o700);
  const keys = await keysAt(place);
  expect(Object.keys(keys)).toEqual(["AccessKeyId", "SecretAccessKey", "Token", "Expiration"]);
  const { err } = process.soFar();
  const shown = err.split("\n").filter((line) => !line.startsWith("::add-mask::"));
  expect(shown.join("\n")).not.toContain(keys.Token);
  expect(shown.join("\n")).not.toContain(place.token);
  expect(readdirSync(folder)).toContain(dirname(place.tokenFile).split("/").at(-1));
});

test("a tool that sends no token is told what it can do instead", async () => {
  const { place } = await running();
  const answer = await ask(place, { authorization: null });
  expect(answer.status).toBe(401);
  expect(await answer.json()).toEqual({
    code: "Refused",
    message: expect.stringContaining("can't use --refresh, but --profile"),
  });
});

test("another token, method or path gets nothing", async () => {
  const { place } = await running();
  const { token } = place;
  const wrong = [
    null,
    "",
    "x",
    token.slice(0, -1),
    `${token}x`,
    `Bearer ${token}`,
    token.toLowerCase(),
  ];
  for (const authorization of wrong) {
    const answer = await ask(place, { authorization });
    expect([authorization, answer.status]).toEqual([authorization, 401]);
    expect(await answer.text()).not.toContain("AccessKeyId");
  }
  for (const method of ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]) {
    const answer = await ask(place, { method });
    expect([method, answer.status]).toEqual([method, 405]);
    expect(await answer.text()).not.toContain("AccessKeyId");
  }
  for (const path of ["/", "/credentials/", "/credentials?x", "//credentials", "/Credentials"]) {
    const answer = await ask(place, { path });
    expect([path, answer.status]).toEqual([path, 404]);
  }
  await keysAt(place);
});

test("lives of three seconds: whoever asks finds good ones, by renewals alone", async () => {
  const short = { lifeMs: 3_000 };
  const { place, broker, process } = await running({
    credentials: [freshAnswers(short)],
    renewals: [freshAnswers(short)],
  });
  const keys = new Set<string>();
  const end = performance.now() + 8_000;
  while (performance.now() < end) {
    const { AccessKeyId = "", Expiration = "" } = await keysAt(place);
    expect(Date.parse(Expiration)).toBeGreaterThan(Date.now());
    keys.add(AccessKeyId);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(keys.size).toBeGreaterThanOrEqual(4);
  const paths = broker.journal.map(({ path }) => path);
  expect(paths.filter((path) => path === "/v1/credentials")).toHaveLength(1);
  const { err } = process.soFar();
  for (const key of keys) {
    expect(err).toContain(`::add-mask::${key}\n`);
    expect(err.replaceAll(`::add-mask::${key}\n`, "")).not.toContain(key);
  }
}, 30_000);

test("refused: it is said, they go on until they end, and then there are none", async () => {
  const { place, process, broker } = await running({
    credentials: [freshAnswers({ lifeMs: 3_000 })],
    renewals: [problem(403, "not_in_progress")],
  });
  const first = await keysAt(place);
  await until(() => process.soFar().err.includes("not renewed"));
  expect(process.soFar().err).toMatch(/not renewed: .*not_in_progress.*; they end at /);
  await until(() => Date.now() > Date.parse(first.Expiration ?? ""));
  expect((await ask(place)).status).toBe(503);
  expect(broker.asked("/v1/renewals")).toHaveLength(1);
  expect(broker.asked("/v1/challenges")).toHaveLength(1);
}, 30_000);

test("trouble that passes is no trouble", async () => {
  const trouble = problem(503, "github_unavailable", {}, { "retry-after": "0" });
  const { place, process } = await running({
    credentials: [freshAnswers({ lifeMs: 4_000 })],
    renewals: [trouble, trouble, freshAnswers()],
  });
  const { AccessKeyId } = await keysAt(place);
  await until(() => process.soFar().err.includes("credentials renewed until"));
  expect((await keysAt(place)).AccessKeyId).not.toBe(AccessKeyId);
}, 30_000);

test("the command has no other AWS credentials in its environment", async () => {
  const { env } = await job();
  const rivals = {
    AWS_ACCESS_KEY_ID: "a",
    AWS_SECRET_ACCESS_KEY: "b",
    AWS_SESSION_TOKEN: "c",
    AWS_SECURITY_TOKEN: "d",
    AWS_PROFILE: "e",
    AWS_DEFAULT_PROFILE: "f",
    AWS_ROLE_ARN: "g",
    AWS_WEB_IDENTITY_TOKEN_FILE: "h",
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/i",
    AWS_CONTAINER_AUTHORIZATION_TOKEN: "j",
    AWS_CREDENTIAL_EXPIRATION: "k",
  };
  const { code, out, err } = await actions2aws(
    ["request", "--refresh", "--region", "eu-west-1", "--", "env"],
    { ...env, ...rivals, AWS_CA_BUNDLE: "/kept", KEPT: "yes" },
  );
  expect(code).toBe(0);
  expect(err).not.toContain("warning");
  const names = out.split("\n").map((line) => line.split("=")[0] ?? "");
  expect(names.filter((name) => name.startsWith("AWS_")).toSorted()).toEqual([
    "AWS_CA_BUNDLE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
  ]);
  expect(out).toContain("KEPT=yes\n");
});

test.each([
  ["credentials", "[default]\naws_access_key_id = AKIAX\n", "aws_access_key_id"],
  ["config", "[default]\nregion = x\nsso_session = y\n", "sso_session"],
  ["config", "[profile default]\nrole_arn = y\n", "role_arn"],
])(
  "a default profile in %s that would win stops it before anything is asked",
  async (name, text, setting) => {
    const { env, folder, broker } = await job();
    mkdirSync(join(folder, ".aws"));
    writeFileSync(join(folder, ".aws", name), text);
    const { code, out, err } = await actions2aws(
      ["request", "--refresh", "--", "echo", "ran"],
      env,
    );
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain(`the default profile has ${setting} in`);
    expect(broker.journal).toEqual([]);
  },
);

test.each([0, 7, 255])(
  "the exit code %d is passed on, and nothing is left behind",
  async (code) => {
    const { env, folder } = await job();
    const script = `test -s "$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" && exit ${code}; exit 99`;
    const words = ["request", "--refresh", "--", "sh", "-c", script];
    expect(await actions2aws(words, env)).toMatchObject({ code });
    expect(readdirSync(folder)).toEqual(["actions2aws"]);
  },
);

test("AWS files that are links, or /dev/null, are in nobody's way", async () => {
  const { env, folder } = await job();
  mkdirSync(join(folder, ".aws"));
  writeFileSync(join(folder, "config"), "[default]\nregion = x\n");
  symlinkSync(join(folder, "config"), join(folder, ".aws/config"));
  const files = { AWS_SHARED_CREDENTIALS_FILE: "/dev/null" };
  const words = ["request", "--refresh", "--", "echo", "ran"];
  expect(await actions2aws(words, { ...env, ...files })).toMatchObject({ code: 0, out: "ran\n" });
});

test("SIGTERM goes to the command; token and endpoint are gone when it ends", async () => {
  const { place, process, folder } = await running();
  process.child.kill("SIGTERM");
  expect((await process.ended).code).toBe(9);
  expect(existsSync(place.tokenFile)).toBe(false);
  expect(readdirSync(folder)).toEqual(["actions2aws"]);
  await expect(ask(place)).rejects.toThrow("fetch failed");
});

test("a command that is not there: 127, and nothing is left behind", async () => {
  const { env, folder } = await job();
  const ended = await actions2aws(["request", "--refresh", "--", "/nowhere/at/all"], env);
  expect(ended).toMatchObject({ code: 127, out: "" });
  expect(readdirSync(folder)).toEqual(["actions2aws"]);
});

test("a denial: it is not run", async () => {
  const { env } = await job({ credentials: [problem(403, "no_grant")] });
  expect(await actions2aws(["request", "--refresh", "--", "echo", "ran"], env)).toMatchObject({
    code: 3,
    out: "",
  });
});
