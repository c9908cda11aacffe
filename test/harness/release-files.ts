import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A program that only tells its version: installing is all that matters. */
export function programOf(version: string): string {
  return `#!/bin/sh\necho ${version}\n`;
}

/** An archive as releases have it, made by the programs that make those. */
export function archiveOf(folder: string, name: string, program: string | Buffer): Buffer {
  mkdirSync(folder, { recursive: true });
  const member = name.endsWith(".zip") ? "actions2aws.exe" : "actions2aws";
  writeFileSync(join(folder, member), program);
  chmodSync(join(folder, member), 0o755);
  writeFileSync(join(folder, "LICENSE"), "MIT");
  return packed(folder, name, [member, "LICENSE"]);
}

/** Any files, in any order, under any name: what `more` tells tar. */
export function packed(
  folder: string,
  name: string,
  files: readonly string[],
  more: readonly string[] = [],
): Buffer {
  const output = join(folder, name);
  const run = (program: string, args: readonly string[]) => {
    execFileSync(program, args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  };
  if (name.endsWith(".zip")) run("zip", ["-q1", output, ...files]);
  else run("tar", ["-I", "xz -0", "-cf", output, ...more, ...files]);
  return readFileSync(output);
}

export function sumOf(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * A stand-in for gh, which can't ask GitHub here. It says what it can do, writes down what it was asked,
 * and answers as told.
 * @returns the folder for PATH
 */
export function fakeGh(folder: string, answer: "attested" | "not attested" | "too old"): string {
  const knows = answer === "too old" ? 'unknown command "attestation"' : "--source-ref string";
  const answered = answer === "attested" ? "exit 0" : 'echo "no attestations found" >&2; exit 1';
  return programIn(
    folder,
    "gh",
    `#!/bin/sh
case $* in *--help*) echo '${knows}'; exit 0 ;; esac
printf '%s\\n' "token=\${GH_TOKEN:-}" "$@" >'${join(folder, "gh.asked")}'
sha256sum <"$3" >'${join(folder, "gh.file")}'
${answered}
`,
  );
}

/** A machine of another kind, as uname tells it. */
export function fakeUname(folder: string, system: string, machine: string): string {
  const script = `#!/bin/sh\ncase $1 in -s) echo '${system}' ;; *) echo '${machine}' ;; esac\n`;
  return programIn(folder, "uname", script);
}

function programIn(folder: string, name: string, script: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), script);
  chmodSync(join(folder, name), 0o755);
  return folder;
}

export function pathOf(...folders: readonly string[]): string {
  return [...folders, "/usr/local/bin", "/usr/bin", "/bin"].join(delimiter);
}
