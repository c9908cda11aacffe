import { chmodSync, chownSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { OperatedProgram } from "../harness/operated-program.ts";
import { signingKey } from "../harness/broker.ts";
import type { World } from "../world/index.ts";

const secrets = ({ github }: World): Record<string, string> => ({
  GITHUB_TOKEN: github.token,
  GITHUB_USER_SESSION: github.session.cookie,
  ACTIONS2AWS_SIGNING_KEY: signingKey,
});

/** Writes each secret into a file of its own; an empty variable counts as none. */
function inFiles(world: World, folder: string, mode = 0o600): Record<string, string> {
  const variables = Object.entries(secrets(world)).map(([name, secret]) => {
    const file = join(folder, name);
    writeFileSync(file, `${secret}\n`, { mode });
    chmodSync(file, mode);
    return { [name]: "", [`${name}_FILE`]: file };
  });
  // AWS's own secret, which is the SDK's matter, is none of those that are looked for.
  return Object.assign({ AWS_SECRET_ACCESS_KEY: "of-the-sdk" }, ...variables) as Record<
    string,
    string
  >;
}

/** What root, and whoever else has the same user, sees of a process's environment. */
const environmentOf = (it: OperatedProgram): string[] =>
  readFileSync(`/proc/${it.pid}/environ`, "utf8").split("\0");

const warnings = (it: OperatedProgram) =>
  it.log.filter(({ level, msg }) => level === 40 && /others on this machine/.test(String(msg)));

describe("/proc/PID/environ (F-13)", () => {
  test("holds no secret that came as a file", async () => {
    const it = await OperatedProgram.start({ environment: inFiles });
    await (await it.client()).obtain();
    const environment = environmentOf(it);
    expect(environment.filter((line) => line.includes("canary"))).toEqual([]);
    expect(environment.filter((line) => /^GITHUB_\w+_FILE=/.test(line))).toHaveLength(2);
    expect(warnings(it)).toEqual([]);
  });

  test("still holds those that came as variables, which nothing can take out of it", async () => {
    const it = await OperatedProgram.start();
    expect(environmentOf(it).join("\n")).toContain(it.world.github.session.cookie);
  });
});

describe("the broker names, in a warning at its start,", () => {
  test.for([0o640, 0o604, 0o660, 0o644])(
    "each file of a secret whose mode is %o, and nothing of what is in it (F-14)",
    async (mode) => {
      const it = await OperatedProgram.start({
        environment: (world, folder) => inFiles(world, folder, mode),
      });
      expect(warnings(it)).toMatchObject(
        Object.keys(secrets(it.world)).map((name) => ({
          name: `${name}_FILE`,
          path: join(it.folder, name),
          mode: `0${mode.toString(8)}`,
          msg: "others on this machine may read this secret: chmod 600",
        })),
      );
      expect(it.text).not.toContain("canary");
      await (await it.client()).obtain();
    },
  );

  test("the file behind a link, as secrets are mounted (F-14)", async () => {
    const it = await OperatedProgram.start({
      environment: (world, folder) => {
        const files = inFiles(world, folder);
        const [open, link] = [join(folder, "open"), join(folder, "link")];
        writeFileSync(open, world.github.token, { mode: 0o644 });
        symlinkSync(open, link);
        return { ...files, GITHUB_TOKEN_FILE: link };
      },
    });
    expect(warnings(it)).toMatchObject([{ name: "GITHUB_TOKEN_FILE", mode: "0644" }]);
  });

  test.runIf(process.getuid?.() === 0)("a file that is somebody else's (F-14)", async () => {
    const it = await OperatedProgram.start({
      environment: (world, folder) => {
        const files = inFiles(world, folder);
        chownSync(String(files.GITHUB_TOKEN_FILE), 12_345, 12_345);
        return files;
      },
    });
    expect(warnings(it)).toMatchObject([
      { name: "GITHUB_TOKEN_FILE", mode: "0600", owner: 12_345 },
    ]);
  });

  test("the file with the password of its store (F-14)", async () => {
    const it = await OperatedProgram.start({
      environment: (world, folder) => {
        const file = join(folder, "password");
        writeFileSync(file, "canary", { mode: 0o644 });
        return { ...inFiles(world, folder), ACTIONS2AWS_STORE_PASSWORD_FILE: file };
      },
    });
    expect(warnings(it)).toMatchObject([{ name: "ACTIONS2AWS_STORE_PASSWORD_FILE" }]);
  });

  test("a configuration that others may change (F-14)", async () => {
    const it = await OperatedProgram.start({
      environment: (world, folder) => {
        chmodSync(join(folder, "config.yaml"), 0o666);
        return inFiles(world, folder);
      },
    });
    expect(warnings(it)).toMatchObject([
      {
        path: join(it.folder, "config.yaml"),
        mode: "0666",
        msg: expect.stringContaining("change"),
      },
    ]);
  });
});
