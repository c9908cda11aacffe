import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { canaries, useClients } from "../harness/clients.ts";
import type { Machine } from "../harness/machine.ts";
import { answerWith } from "../harness/scripted-broker.ts";
import { attempt, expectNothing, requestOf } from "../harness/ways.ts";

const clients = useClients();

function mode(path: string): string {
  return (lstatSync(path).mode & 0o777).toString(8);
}

/** What an attacker leaves at the identity's path, with a good identity behind it where that is possible. */
const planted: Record<string, (path: string, elsewhere: string) => void> = {
  "a symbolic link": (path, elsewhere) => {
    renameSync(path, elsewhere);
    symlinkSync(elsewhere, path);
  },
  "a symbolic link to nothing": (path, elsewhere) => {
    rmSync(path);
    symlinkSync(`${elsewhere}-absent`, path);
  },
  "a hard link": (path, elsewhere) => linkSync(path, elsewhere),
  "a pipe": (path) => {
    rmSync(path);
    spawnSync("mkfifo", ["-m", "600", path]);
  },
  "a folder": (path) => {
    rmSync(path);
    mkdirSync(path);
  },
  "a file that the group can read": (path) => chmodSync(path, 0o640),
  "a file that all can read": (path) => chmodSync(path, 0o644),
  "a file that all can write": (path) => chmodSync(path, 0o602),
  "two identities": (path) => writeFileSync(path, readFileSync(path, "utf8").repeat(2)),
  "no identity": (path) => writeFileSync(path, "AGE-SECRET-KEY-1CANARY\n"),
  "a large file": (path) => writeFileSync(path, "#".repeat(200_000)),
};

describe.concurrent("in place of the identity, nothing is opened or asked (C-07):", () => {
  test.for(Object.keys(planted))("%s", async (name) => {
    const machine = await clients().machine();
    const elsewhere = machine.in("home/elsewhere");
    planted[name]?.(machine.identityFile, elsewhere);
    const broker = clients().broker({ credentials: [answerWith(canaries)] });
    const refused = await attempt(machine, broker, "shell");
    expectNothing(refused);
    expect(refused.stderr).toMatch(/^actions2aws: the identity .*keygen --force/);
    expect(await machine.run(["keygen"])).toMatchObject({ exitCode: 1, stdout: "" });
    expect(machine.files()).toEqual(refused.before);
    expect(broker.journal).toEqual([]);
    if (name === "a folder") return;
    // By force it is replaced, and what it led to stays.
    expect(await machine.run(["keygen", "--force"])).toMatchObject({ exitCode: 0 });
    expect(lstatSync(machine.identityFile).isFile()).toBe(true);
    expect(mode(machine.identityFile)).toBe("600");
    expect(machine.files()["home/elsewhere"]).toBe(refused.before["home/elsewhere"]);
    expect(await attempt(machine, broker, "shell")).toMatchObject({ exitCode: 0 });
  });

  test("a file of another user", async () => {
    const machine = await clients().machine();
    // Only root can give files away; whoever is not root has another user's here.
    const file = process.getuid?.() === 0 ? machine.identityFile : "/etc/passwd";
    if (file === machine.identityFile) chownSync(file, 12_345, 12_345);
    const broker = clients().broker();
    const ended = await attempt(machine, broker, "shell", { more: ["--identity", file] });
    expectNothing(ended);
    expect(ended.stderr).toContain("belongs to another user");
    expect(broker.journal).toEqual([]);
  });
});

/** What an attacker makes of the identity's folder before there is one. */
const folders: Record<string, (folder: string, elsewhere: string) => void> = {
  "a symbolic link": (folder, elsewhere) => {
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, folder);
  },
  "a file": (folder) => writeFileSync(folder, ""),
};

describe.concurrent("in place of the identity's folder, nothing is made (C-07):", () => {
  test.for(Object.keys(folders))("%s", async (name) => {
    const machine = await clients().machine();
    const folder = dirname(machine.identityFile);
    rmSync(folder, { recursive: true });
    folders[name]?.(folder, machine.in("home/elsewhere"));
    const before = machine.files();
    for (const words of [
      ["keygen"],
      ["keygen", "--force"],
      requestOf(clients().broker(), "json"),
    ]) {
      expect(await machine.run(words)).toMatchObject({ exitCode: 1, stdout: "" });
      expect(machine.files()).toEqual(before);
    }
  });

  test("a folder that all can write, when the user has named it", async () => {
    const machine = await clients().machine();
    mkdirSync(machine.in("temp/open"));
    chmodSync(machine.in("temp/open"), 0o777);
    const before = machine.files();
    for (const more of [[], ["--force"]]) {
      const ended = await machine.run([
        "keygen",
        "--identity",
        machine.in("temp/open/key"),
        ...more,
      ]);
      expect(ended).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining("can be written by everybody"),
      });
    }
    expect(machine.files()).toEqual(before);
  });
});

describe.concurrent("whatever the umask, files are private (C-07):", () => {
  test.for(["000", "022", "777"])("%s", async (mask) => {
    const machine = await clients().machine();
    rmSync(dirname(machine.identityFile), { recursive: true });
    const broker = clients().broker({ credentials: [answerWith(canaries)] });
    const line = requestOf(broker, "--profile").join(" ");
    const script = `umask ${mask}; "$program" keygen && "$program" ${line}`;
    expect(await machine.run([script], { shell: ["sh"] })).toMatchObject({ exitCode: 0 });
    const made = Object.entries(machine.files()).filter(([name]) =>
      /^temp|aws.credentials$/.test(name),
    );
    expect(made.length).toBeGreaterThan(2);
    expect(made.filter(([, content]) => !content.startsWith("600 "))).toEqual([]);
    for (const folder of [dirname(machine.identityFile), `${machine.identityFile}.cache`])
      expect(mode(folder)).toBe("700");
  });
});

/** Ways to have the identity where an upload of the workspace would take it along. */
const inWorkspace: Record<string, (machine: Machine) => Record<string, string>> = {
  "a temporary folder in the workspace": (machine) => ({
    RUNNER_TEMP: machine.in("workspace/tmp"),
  }),
  "the variable, by a path": (machine) => ({ ACTIONS2AWS_IDENTITY: machine.in("workspace/key") }),
  "the variable, from the current folder": () => ({ ACTIONS2AWS_IDENTITY: "key" }),
  "the variable, by detours": (machine) => ({
    ACTIONS2AWS_IDENTITY: `${machine.in("home")}/../workspace/x/../key`,
  }),
  "the variable, through a link": (machine) => {
    symlinkSync(machine.in("workspace"), machine.in("temp/link"));
    return { ACTIONS2AWS_IDENTITY: machine.in("temp/link/key") };
  },
  "a home that is the workspace": (machine) => ({ RUNNER_TEMP: "", HOME: machine.in("workspace") }),
};

describe.concurrent("the identity does not come into the workspace, where an artifact takes it along (C-09), by", () => {
  test.for(Object.keys(inWorkspace))("%s", async (name) => {
    const machine = await clients().machine();
    const env = inWorkspace[name]?.(machine) ?? {};
    const before = machine.files();
    const broker = clients().broker();
    for (const words of [["keygen"], ["keygen", "--force"], requestOf(broker, "shell")]) {
      const ended = await machine.run(words, { env });
      expect(ended).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining("inside the workspace"),
      });
    }
    expect(machine.files()).toEqual(before);
    expect(broker.journal).toEqual([]);
  });

  test("the option alone, with a warning", async () => {
    const machine = await clients().machine();
    const ended = await machine.run(["keygen", "--identity", "key"]);
    expect(ended).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining("take care that no artifact"),
    });
    expect(statSync(machine.in("workspace/key")).mode & 0o777).toBe(0o600);
  });
});

/** What stands where the runner's file should be. */
const commandFiles: Record<string, (path: string, elsewhere: string) => void> = {
  "a symbolic link": (path, elsewhere) => {
    writeFileSync(elsewhere, "OTHER=1\n");
    rmSync(path);
    symlinkSync(elsewhere, path);
  },
  "a pipe": (path) => {
    rmSync(path);
    spawnSync("mkfifo", [path]);
  },
  "a folder": (path) => {
    rmSync(path);
    mkdirSync(path);
  },
};

describe.concurrent("in place of the runner's file, nothing is written into (C-07):", () => {
  test.for(Object.keys(commandFiles))("%s", async (name) => {
    const machine = await clients().machine();
    commandFiles[name]?.(machine.in("commands/GITHUB_ENV"), machine.in("home/elsewhere"));
    const broker = clients().broker({ credentials: [answerWith(canaries)] });
    const ended = await attempt(machine, broker, "github-env");
    expect(ended).toMatchObject({ exitCode: 1, stdout: "", after: ended.before });
    expect(ended.stderr).toMatch(/^actions2aws: .*GITHUB_ENV.*$/m);
  });

  test("a disk that is full half-way leaves the file as it was (C-13)", async () => {
    const machine = await clients().machine();
    const full = "OLD=1\n".repeat(150);
    writeFileSync(machine.in("commands/GITHUB_ENV"), full);
    const line = requestOf(clients().broker({ credentials: [answerWith(canaries)] }), "github-env");
    const script = `ulimit -f 1; "$program" ${line.join(" ")}`;
    const ended = await machine.run([script], { shell: ["bash"] });
    expect(ended).toMatchObject({
      exitCode: 1,
      stdout: "",
      stderr: expect.stringContaining("cannot be written (EFBIG)"),
    });
    expect(readFileSync(machine.in("commands/GITHUB_ENV"), "utf8")).toBe(full);
  });
});
