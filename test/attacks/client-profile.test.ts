import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { canaries, useClients } from "../harness/clients.ts";
import type { Machine } from "../harness/machine.ts";
import { answerWith } from "../harness/scripted-broker.ts";
import { attempt, expectNothing, requestOf } from "../harness/ways.ts";

const clients = useClients();

const honest = { credentials: [answerWith(canaries)] };

function credentialsFile(machine: Machine): string {
  return machine.in("home/.aws/credentials");
}

/** Our section: its header and the two settings that it may have. */
const ours = /\[deploy\]\r?\ncredential_process = [^\r\n]*\r?\nregion = eu-west-1\r?\n/;

/** Of an earlier job, by another program's path. */
const oldOne =
  "[deploy]\ncredential_process = /old request --format credential-process --proof oidc --url http://x\naws_session_token = t\n";

/** Files as people and tools leave them, in bytes. */
const files: Record<string, string> = {
  nothing: "",
  "a profile": "[default]\naws_access_key_id = AKIAOLDOLDOLDOLDOLD0\naws_secret_access_key = old\n",
  "no line end at the end": "[a]\nregion = x",
  "Windows' line ends": "[a]\r\nregion = x\r\n\r\n; comment\r\n[b]\r\n",
  "comments and blanks": "# [deploy]\n; [deploy]\n\n\n  [ a ]  \n key=value # not a comment\n\t\n",
  "bytes of other encodings": "[ÿþ\u0080]\nx = \u00e9\u0000\u0001\n",
  "names that are like ours":
    "[deployment]\nx=1\n[profile deploy]\nx=2\n[Deploy]\nx=3\n[deploy2]\nx=4\n",
  "ours in the middle": `[a]\nx=1\n${oldOne}# theirs\n\n[b]\ny=2\n`,
};

describe.concurrent("a profile is put into the file, whose other bytes stay (C-19):", () => {
  test.for(Object.entries(files))("%s", async ([, text]) => {
    const machine = await clients().machine();
    const file = credentialsFile(machine);
    writeFileSync(file, text, "latin1");
    chmodSync(file, 0o644);
    for (let times = 0; times < 2; times++) {
      const more = ["--region", "eu-west-1"];
      const ended = await attempt(machine, clients().broker(honest), "--profile", { more });
      expect(ended.exitCode).toBe(0);
      const written = readFileSync(file, "latin1");
      expect(written.match(new RegExp(ours, "g"))).toHaveLength(1);
      const before = text.replace(oldOne, "");
      expect(written.replace(ours, "").trimEnd()).toBe(before.trimEnd());
      expect(written).not.toMatch(/canary/i);
      expect(lstatSync(file).mode & 0o777).toBe(0o600);
    }
  });
});

describe.concurrent("no profile is written, and nobody asked (C-19), for", () => {
  test.for([
    "x]\n[default",
    "deploy]",
    "a b",
    "../x",
    "a/b",
    "$(id)",
    "é",
    "",
    ";",
    "#x",
    "-".repeat(65),
    "a\t",
  ])("the name %j", async (name) => {
    const broker = clients().broker(honest);
    const ended = await attempt(await clients().machine(), broker, "shell", {
      more: ["--profile", name],
    });
    expectNothing(ended);
    expect(ended.exitCode).toBe(2);
    expect(broker.journal).toEqual([]);
  });

  const obstacles: Record<string, (machine: Machine) => void> = {
    "a file that is a symbolic link": (machine) => {
      renameSync(credentialsFile(machine), machine.in("home/elsewhere"));
      symlinkSync(machine.in("home/elsewhere"), credentialsFile(machine));
    },
    "a name whose key does not end": (machine) =>
      writeFileSync(
        credentialsFile(machine),
        "[deploy]\naws_access_key_id = AKIAOLDOLDOLDOLDOLD0\n",
      ),
    "a name that the other file has credentials for": (machine) =>
      writeFileSync(machine.in("home/.aws/config"), "[profile deploy]\nrole_arn = arn\n"),
    "a file of a megabyte and more": (machine) =>
      writeFileSync(credentialsFile(machine), "#".repeat(1_100_000)),
  };

  test.for(Object.keys(obstacles))("%s", async (name) => {
    const machine = await clients().machine();
    obstacles[name]?.(machine);
    const broker = clients().broker(honest);
    expectNothing(await attempt(machine, broker, "--profile"));
    expect(broker.journal).toEqual([]);
  });
});

test("a path with a shell's words in it is one word to who calls the profile (C-19)", async () => {
  const machine = await clients().machine();
  const folder = machine.in("temp", "it's; touch pwned; $(touch pwned) `touch pwned` \\");
  mkdirSync(folder, { mode: 0o700 });
  const broker = clients().broker(honest);
  const more = ["--identity", join(folder, "key")];
  expect(await attempt(machine, broker, "--profile", { more })).toMatchObject({ exitCode: 0 });
  const [, command = ""] =
    /^credential_process = (.*)$/m.exec(readFileSync(credentialsFile(machine), "utf8")) ?? [];
  const called = await machine.run([command], { shell: ["sh"] });
  expect(JSON.parse(called.stdout)).toMatchObject({
    Version: 1,
    SecretAccessKey: canaries.SecretAccessKey,
  });
  expect(existsSync(machine.in("workspace/pwned"))).toBe(false);
  expect(broker.journal).toHaveLength(2);
});

test("at every moment the file is whole, while many write it (C-19)", async () => {
  const machine = await clients().machine();
  const file = credentialsFile(machine);
  const broker = clients().broker(honest);
  const names = Array.from({ length: 6 }, (_, index) => `deploy-${index}`);
  const seen = new Set<string>();
  const looking = setInterval(() => seen.add(readFileSync(file, "utf8")), 1);
  const words = (name: string) => requestOf(broker, "shell", ["--profile", name]);
  const ended = await Promise.all(names.map((name) => machine.run(words(name))));
  clearInterval(looking);
  expect(ended.map(({ exitCode }) => exitCode)).toEqual(names.map(() => 0));
  const last = readFileSync(file, "utf8");
  for (const name of names) expect(last).toContain(`[${name}]\ncredential_process = `);
  const whole = /^\[other\]\nregion = eu-west-1\n(?:\n\[deploy-\d\]\ncredential_process = .*\n)*$/;
  expect([...seen].filter((text) => !whole.test(text))).toEqual([]);
  expect(seen.size).toBeGreaterThan(1);
});
