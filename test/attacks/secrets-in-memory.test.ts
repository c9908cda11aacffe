import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Bench } from "../harness/bench.ts";
import { Machine } from "../harness/machine.ts";
import { makeFolder } from "../server/folder.ts";

const filterOf = (pid: number | undefined): string =>
  readFileSync(`/proc/${pid}/coredump_filter`, "utf8").trim();
const nothing = "00000000";
/** What this process has, and so what those have that it starts. */
const usual = filterOf(process.pid);

describe("what is in memory stays there (F-13):", () => {
  test("the broker is left out of core files", async () => {
    const bench = await Bench.start();
    onTestFinished(() => bench.stop());
    expect(filterOf(bench.broker.pid)).toBe(nothing);
    expect(usual).not.toBe(nothing);
  });

  test("so is request, but the command that it runs is as it would be without", async () => {
    const bench = await Bench.start();
    onTestFinished(() => bench.stop());
    // It is started a moment before request has its own setting again.
    const settled = `grep -q ${nothing} /proc/$PPID/coredump_filter || sleep 0.1`;
    const show =
      `for i in $(seq 50); do ${settled}; done; ` +
      "cat /proc/$PPID/coredump_filter /proc/self/coredump_filter";
    for (const option of ["", "--refresh "]) {
      const job = bench.newJob();
      const step = await job.run("assume role", bench.request(`${option}-- sh -c '${show}'`));
      expect(step).toMatchObject({ exitCode: 0, stdout: `${nothing}\n${usual}\n` });
    }
  });

  test("so is keygen", async () => {
    const machine = await Machine.in(makeFolder());
    // It waits for somebody at the pipe's other end, so that there is time to look.
    const script = `mkfifo x.live && exec "$program" keygen --announce-to x.live`;
    const { child, ended } = machine.start([script], { shell: ["sh"] });
    await vi.waitFor(() => expect(filterOf(child.pid)).toBe(nothing), 10_000);
    child.kill("SIGKILL");
    await ended;
  });

  test("a broker opens no debugger, neither by SIGUSR1 nor by NODE_OPTIONS", async () => {
    const env = { NODE_OPTIONS: "--inspect=127.0.0.1:0 --report-on-signal" };
    const bench = await Bench.start({ broker: { env } });
    onTestFinished(() => bench.stop());
    bench.broker.kill("SIGUSR1");
    await bench.expectGolden();
    expect(bench.broker.stderr).toBe("");
  });

  test("a broker that is made to dump core, with all its secrets in use, leaves none of them on disk", async () => {
    const script = 'ulimit -c unlimited && cd "${3%/*}" && exec "$0" "$@"';
    const bench = await Bench.start({ broker: { within: ["bash", "-c", script] } });
    onTestFinished(() => bench.stop());
    await bench.expectGolden();
    bench.broker.kill("SIGABRT");
    expect(await bench.broker.ended()).toBe("SIGABRT");
    const folder = dirname(bench.files.config);
    const cores = readdirSync(folder).filter((name) => name.startsWith("core"));
    const pattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
    // Where the kernel hands it to a program, there is nothing to look at here.
    if (pattern.startsWith("core")) expect(cores).toHaveLength(1);
    for (const core of cores) {
      const dumped = readFileSync(join(folder, core));
      expect(dumped.includes("canary")).toBe(false);
      expect(dumped.includes("AGE-SECRET-KEY")).toBe(false);
    }
  });
});
