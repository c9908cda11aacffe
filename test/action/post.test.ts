import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { role, roleOf } from "../harness/config.ts";
import type { Job } from "../harness/job.ts";

const bench = useBench();
let job: Job;
beforeEach(() => {
  job = bench().newJob();
});

function request(more: Record<string, string> = {}) {
  const given = { url: bench().broker.url, role, ...more };
  return job.use("assume role", "request", { with: given });
}

const identity = (): string => job.inTemp("actions2aws/identity");
const credentialsFile = (): string => join(job.folder, "home/.aws/credentials");

/** What the posts of the job say; none of them may fail. */
async function posts(): Promise<string[]> {
  const ended = await job.runPosts();
  expect(ended.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual(ended.map(() => [0, ""]));
  return ended.map(({ stderr }) => stderr);
}

const cleared = (...things: string[]) => `actions2aws: cleared away: ${things.join(", ")}\n`;

describe("the post step takes away", () => {
  test("the identity that the step has made, and its folder", async () => {
    await request();
    expect(existsSync(identity())).toBe(true);
    expect(await posts()).toEqual([cleared("the identity")]);
    expect(existsSync(job.inTemp("actions2aws"))).toBe(false);
  });

  test("the identity of a step that was denied", async () => {
    const step = await request({ role: roleOf("others") });
    expect([step.exitCode, existsSync(identity())]).toEqual([3, true]);
    expect(await posts()).toEqual([cleared("the identity")]);
    expect(existsSync(identity())).toBe(false);
  });

  test("the profile, the credentials kept for it, and the file that held nothing else", async () => {
    await request({ profile: "deploy" });
    expect(readFileSync(credentialsFile(), "utf8")).toContain("[deploy]");
    const all = cleared("the profile deploy", "the kept credentials", "the identity");
    expect(await posts()).toEqual([all]);
    expect([existsSync(credentialsFile()), existsSync(job.inTemp("actions2aws"))]).toEqual([
      false,
      false,
    ]);
  });

  test("what keygen has made, in keygen's own post, after that of request", async () => {
    const made = await job.use("make key", "keygen");
    expect(made.exitCode).toBe(0);
    await request({ profile: "deploy" });
    const later = cleared("the profile deploy", "the kept credentials");
    expect(await posts()).toEqual([later, cleared("the identity")]);
    expect(existsSync(job.inTemp("actions2aws"))).toBe(false);
  });
});

describe("the post step leaves", () => {
  test.for([
    ["[other]\nregion = x\n"],
    ["[other]\nregion = x"],
    ["# ours is last\r\n[a]\r\nx = \u00ff\r\n"],
    ["[deployment]\nx = 1\n\n\n"],
  ])("other profiles byte for byte, and no traces between them: %j", async ([text = ""]) => {
    mkdirSync(join(job.folder, "home/.aws"));
    writeFileSync(credentialsFile(), text, "latin1");
    await request({ profile: "deploy" });
    expect(readFileSync(credentialsFile(), "latin1")).toContain("[deploy]");
    await posts();
    const end = text.includes("\r\n") ? "\r\n" : "\n";
    const whole = text.endsWith("\n") ? text : text + end;
    expect(readFileSync(credentialsFile(), "latin1")).toBe(whole);
  });

  test.for([
    ["role_arn", "arn:aws:iam::123456789012:role/theirs\nsource_profile = base"],
    ["credential_process", "/usr/local/bin/theirs --format credential-process"],
    ["sso_session", "theirs"],
  ])("a profile of this name that was there before, with %s: it is not replaced", async (given) => {
    const before = `[deploy]\n${given.join(" = ")}\n[base]\nregion = x\n`;
    mkdirSync(join(job.folder, "home/.aws"));
    writeFileSync(credentialsFile(), before);
    const step = await request({ profile: "deploy" });
    expect([step.exitCode, step.stderr]).toEqual([1, expect.stringContaining(given[0] ?? "")]);
    await posts();
    expect(readFileSync(credentialsFile(), "utf8")).toBe(before);
  });

  test("an identity that was there before", async () => {
    await job.run("make key", "actions2aws keygen");
    await request();
    expect(await posts()).toEqual([""]);
    expect(existsSync(identity())).toBe(true);
  });

  test("an identity that another step has put in the place of its own", async () => {
    await request();
    await job.run("another", "actions2aws keygen --force");
    const theirs = readFileSync(identity(), "utf8");
    expect(await posts()).toEqual([""]);
    expect(readFileSync(identity(), "utf8")).toBe(theirs);
  });

  test("a profile that somebody has changed", async () => {
    await request({ profile: "deploy" });
    writeFileSync(credentialsFile(), `${readFileSync(credentialsFile(), "utf8")}region = x\n`);
    expect(await posts()).toEqual([cleared("the kept credentials", "the identity")]);
    expect(readFileSync(credentialsFile(), "utf8")).toMatch(/^\[deploy\]\ncredential_process/);
  });
});

describe("the post step never fails a job", () => {
  test.for([
    ["no JSON", "{"],
    ["no list", "7"],
    ["things of no kind", '[{}, null, {"kind":"identity"}]'],
  ])("whose state is %s", async ([, made = ""]) => {
    await request();
    const [main] = job.steps;
    expect(main?.exitCode).toBe(0);
    job.forgeState({ made });
    expect((await posts()).join("")).toMatch(/^(?:actions2aws: [^\n]+\n)*$/);
    expect(existsSync(identity())).toBe(true);
  });

  test("and takes no file that is not of our making, whatever its state names", async () => {
    const file = job.inTemp("theirs");
    writeFileSync(file, "theirs", { mode: 0o600 });
    await request();
    const publicKey = "age1x";
    job.forgeState({
      made: JSON.stringify([
        { kind: "identity", path: file, ownFolder: true, publicKey },
        { kind: "kept", path: file },
        { kind: "profile", path: file, name: "theirs", settings: [] },
      ]),
    });
    const [said] = await posts();
    expect(said).not.toMatch(/^actions2aws: cleared away:/m);
    expect(readFileSync(file, "utf8")).toBe("theirs");
  });
});
