import { describe, expect, test, vi } from "vitest";
import { useBench } from "../harness/bench.ts";
import { roleOf } from "../harness/config.ts";

const bench = useBench();

/** As the runner calls `shell: bash`, bash without `shell:`, and `shell: sh`, which is dash here. */
const shells = {
  "bash -e": ["bash", "-e"],
  "bash -eo pipefail": ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail"],
  bash: ["bash"],
  "sh -e": ["dash", "-e"],
  sh: ["dash"],
} as const;
const quotings = { unquoted: "eval $(%)", quoted: 'eval "$(%)"' };

const cases = Object.keys(shells).flatMap((shell) =>
  Object.keys(quotings).map((quoting) => [shell, quoting]),
) as [keyof typeof shells, keyof typeof quotings][];

describe.each(cases)("%s, %s", (shell, quoting) => {
  const evaluate = (command: string) => quotings[quoting].replace("%", () => command);

  test("takes the variables over as they are, whatever files lie around", async () => {
    const job = bench().newJob();
    // Files that a careless output would be expanded to.
    const script = `touch "AWS_ACCESS_KEY_ID=x" "export" ";" "a b"
${evaluate(bench().request())}
env > "$RUNNER_TEMP/seen"`;
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

  test("fails when the request does, and when the program is called wrongly", async () => {
    const job = bench().newJob();
    const denied = bench().request("", roleOf("not-granted"));
    for (const wrong of [denied, "actions2aws requst", "actions2aws request --nonsense"]) {
      const step = await job.run("assume role", evaluate(wrong), { shell: shells[shell] });
      expect(step.exitCode).toBe(1);
    }
    expect(bench().world.sts.journal).toEqual([]);
  });
});

test("a shell with -e stops where the request fails, and later lines never run", async () => {
  const job = bench().newJob();
  const script = `eval $(${bench().request("", roleOf("not-granted"))})\necho went on`;
  for (const shell of [shells["bash -e"], shells["sh -e"]]) {
    expect(await job.run("assume role", script, { shell })).toMatchObject({
      exitCode: 1,
      stdout: "",
    });
  }
});

test("a request that is killed makes the step fail too", async () => {
  const job = bench().newJob();
  const barrier = bench().world.sts.barrier(/./);
  const running = job.run(
    "assume role",
    `eval $(${bench().request()} & echo $! > "$RUNNER_TEMP/pid"; wait)`,
  );
  await barrier.arrived;
  await job.run("cancel", 'kill -TERM "$(cat "$RUNNER_TEMP/pid")"');
  expect(await running).toMatchObject({ exitCode: 1 });
  barrier.release();
  await vi.waitFor(() => expect(bench().records).toMatchObject([{ decision: "allowed" }]));
});
