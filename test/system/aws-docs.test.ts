import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { role, roleOf } from "../harness/config.ts";
import { environmentIn } from "../harness/environment-file.ts";
import type { Job } from "../harness/job.ts";
import { arnOf, useAws, whoAmI, cli1 } from "./aws-scene.ts";

// The steps of docs/aws-tools.md, as they stand there.

interface WrittenStep {
  readonly name: string;
  readonly run: string;
  readonly env?: Record<string, string>;
}

const page = readFileSync(join(import.meta.dirname, "../../docs/aws-tools.md"), "utf8");
const examples = page.split(/^## /m).flatMap((section) => {
  const blocks = [...section.matchAll(/^```yaml\n(.*?)^```$/gms)];
  const [title = ""] = section.split("\n");
  return blocks.map(([, text = ""], at) => [`${title} ${at + 1}`, text] as const);
});

const scene = useAws();

/** `${{ steps.aws.outputs.NAME }}`, which is all that these steps have of GitHub's expressions. */
function withOutputs(env: Record<string, string> = {}, job: Job): Record<string, string> {
  const outputs = environmentIn(job.inTemp("github-output"));
  const value = (text: string): string =>
    text.replace(
      /\$\{\{ steps\.aws\.outputs\.(\w+) \}\}/,
      (_, name: string) => outputs[name] ?? "",
    );
  return Object.fromEntries(Object.entries(env).map(([name, text]) => [name, value(text)]));
}

describe("docs/aws-tools.md", () => {
  test("has them", () => {
    expect(examples).toHaveLength(10);
  });

  test.each(examples)(
    "%s",
    async (_, text) => {
      const job = scene().newJob();
      const byToken = text.includes("--proof oidc");
      writeFileSync(join(job.folder, "workspace/takes-hours.sh"), `#!/bin/sh\n${whoAmI(cli1)}\n`, {
        mode: 0o755,
      });
      const steps = parse(text) as WrittenStep[];
      let last = "";
      for (const { name, run, env } of steps) {
        const step = await scene().step(job, name, run, {
          idToken: byToken,
          env: {
            ACTIONS2AWS_URL: scene().broker.url,
            ACTIONS2AWS_REGION: "eu-west-1",
            ACTIONS2AWS_ROLE: byToken ? roleOf("by-token") : role,
            ...withOutputs(env, job),
          },
        });
        expect(step.exitCode, step.stderr).toBe(0);
        last = step.stdout;
      }
      const told = last.split("\n").filter((line) => line.includes(":assumed-role/"));
      const asked = steps.at(-1)?.run.match(/get.caller.identity|takes-hours/g) ?? [];
      expect(told).toHaveLength(asked.length);
      for (const line of told) expect(line).toContain(arnOf(job, byToken ? "by-token" : undefined));
    },
    300_000,
  );
});
