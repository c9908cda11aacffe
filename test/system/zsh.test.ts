import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { roleOf } from "../harness/config.ts";

// Debian's zsh: apt-get install -y zsh

const bench = useBench();
const evaluations = { unquoted: "eval $(%)", quoted: 'eval "$(%)"' };
const shells = { "zsh -e": ["zsh", "-f", "-e"], zsh: ["zsh", "-f"] } as const;

describe.each(Object.keys(shells) as (keyof typeof shells)[])("%s", (shell) => {
  test.for(Object.entries(evaluations))("takes the variables over, %s", async ([, form]) => {
    const job = bench().newJob();
    const script = `${form.replace("%", bench().request())}\nenv > "$RUNNER_TEMP/seen"`;
    const step = await job.run("assume role", script, { shell: shells[shell] });
    expect(step).toMatchObject({ exitCode: 0, stdout: "" });
    const [issued] = bench().world.sts.issued;
    expect(job.seen("seen")).toEqual({
      AWS_ACCESS_KEY_ID: issued?.accessKeyId,
      AWS_SECRET_ACCESS_KEY: issued?.secretAccessKey,
      AWS_SESSION_TOKEN: issued?.sessionToken,
      AWS_CREDENTIAL_EXPIRATION: issued?.expiration,
    });
  });

  test.for(Object.entries(evaluations))("fails when the request does, %s", async ([, form]) => {
    const job = bench().newJob();
    const script = form.replace("%", bench().request("", roleOf("not-granted")));
    const step = await job.run("assume role", script, { shell: shells[shell] });
    expect(step.exitCode).toBe(1);
    expect(bench().world.sts.journal).toEqual([]);
  });
});
