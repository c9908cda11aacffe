import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { brokerEnvironment } from "../harness/broker.ts";
import { configuration, grantLike, roleOf } from "../harness/config.ts";
import { OperatedProgram } from "../harness/operated-program.ts";
import { program } from "../harness/program.ts";
import { startWorld } from "../world/index.ts";
import { makeFolder } from "../server/folder.ts";

const other = grantLike("other", {});
const next = { role: roleOf("other") };

/** What may stand where the new configuration should. */
const spoilt: Record<string, (file: string, good: string) => void> = {
  "has a key that does not exist": (file, good) =>
    writeFileSync(file, good.replace('"grants"', '"grant"')),
  "is empty": (file) => writeFileSync(file, ""),
  "has no grant": (file, good) =>
    writeFileSync(file, JSON.stringify({ ...(JSON.parse(good) as object), grants: [] })),
  "is cut off": (file, good) => writeFileSync(file, good.slice(0, -30)),
  "is cut off where it still reads well": (file, good) =>
    writeFileSync(file, `${good.slice(0, good.indexOf('"grants"')).trim().slice(0, -1)}}`),
  "is not text": (file) => writeFileSync(file, Buffer.from([0x00, 0xff, 0xfe, 0x80])),
  "is gone": (file) => rmSync(file),
  "is a folder": (file) => {
    rmSync(file);
    mkdirSync(file);
  },
};

describe("SIGHUP, and the configuration", () => {
  test.for(Object.entries(spoilt))(
    "%s: the old one stays, log and metrics say so, and a good one is taken again (F-12)",
    async ([, spoil]) => {
      const it = await OperatedProgram.start();
      const file = join(it.folder, "config.yaml");
      it.configure([other]);
      const good = it.config;
      spoil(file, good);
      expect(await it.reload()).toMatchObject({
        level: 50,
        msg: "not reloaded: the old settings stay",
        faults: expect.arrayContaining([expect.stringContaining("config.yaml")]),
      });
      const successful = async (): Promise<string | undefined> =>
        /^actions2aws_config_last_reload_successful (\d)$/m.exec(
          (await it.get("/metrics")).text,
        )?.[1];
      expect(await successful()).toBe("0");
      const client = await it.client();
      await client.obtain();
      expect(await client.attempt(next)).toMatchObject({ json: { code: "role_not_granted" } });

      rmSync(file, { recursive: true, force: true });
      writeFileSync(file, good);
      expect(await it.reload()).toMatchObject({ msg: "reloaded", grants: 2 });
      expect(await successful()).toBe("1");
      await client.obtain(next);
      const [first, second, third] = it.audit.map(({ policy }) => policy);
      expect(second).toBe(first);
      expect(third).not.toBe(first);
    },
  );

  test("is good: grants that are gone give nothing more, not to a renewal either (F-12)", async () => {
    const it = await OperatedProgram.start({ grants: [other] });
    const client = await it.client();
    const { RenewalToken } = await client.obtain(next);
    it.configure([]);
    expect(await it.reload()).toMatchObject({ msg: "reloaded", grants: 1 });
    expect(await client.attempt(next)).toMatchObject({ json: { code: "role_not_granted" } });
    expect((await client.renew(RenewalToken)).status).toBe(403);
    await client.obtain();
  });

  test("changes two hundred times, for better and worse, while jobs ask: each is answered by one configuration, which its record names (F-12)", async () => {
    const it = await OperatedProgram.start();
    const [before] = it.log.flatMap(({ msg, policy }) => (msg === "listening" ? [policy] : []));
    const good = [it.config, configuration(it.world, join(it.folder, "audit.jsonl"), [other])];
    const bad = ["", "grants: [", good[1]?.slice(0, -30) ?? ""];
    const { jobs } = it.world.github.matrix({ jobs: 80 });
    const asking = Promise.all(
      jobs.map(async (job, at) => {
        await pause(at * 25);
        const client = await it.client(job);
        return { asked: at % 2 ? "other" : "own", reply: await client.attempt(at % 2 ? next : {}) };
      }),
    );
    for (let times = 0; times < 200; times++) {
      it.configure(String((times % 3 === 2 ? bad : good)[times % (times % 3 === 2 ? 3 : 2)]));
      it.signal("SIGHUP");
      await pause(10);
    }
    for (const { asked, reply } of await asking) {
      const id = String((reply.json as { request_id?: string }).request_id);
      const record = it.audit.find(({ request_id: of }) => of === id);
      const granted = asked === "own" || record?.policy !== before;
      expect([asked, reply.status, record?.decision]).toEqual(
        granted ? [asked, 200, "allowed"] : [asked, 403, "denied"],
      );
    }
    // Some come while another is under way, and are one with the next.
    const told = it.log.filter(({ msg }) => /^(?:not )?reloaded/.test(String(msg)));
    expect(told.length).toBeGreaterThan(20);
    const policies = new Set(it.audit.map(({ policy }) => policy));
    expect(policies.size).toBe(2);
    expect(it.running).toBe(true);
    await (await it.client()).obtain();
  }, 90_000);
});

test("SIGHUP in the first moments of a broker does not end it (F-12)", async () => {
  const world = await startWorld();
  const folder = makeFolder();
  const file = join(folder, "config.yaml");
  writeFileSync(file, configuration(world, join(folder, "audit.jsonl"), []));
  const child = spawn(program, ["serve", "--config", file, "--listen", "127.0.0.1:0"], {
    env: brokerEnvironment(world),
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await world.close();
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  // Its own first deed; until then it is Node that starts.
  const deadline = Date.now() + 10_000;
  const begun = (): boolean =>
    readFileSync(`/proc/${child.pid}/coredump_filter`, "utf8").trim() === "00000000";
  while (!begun()) expect(Date.now()).toBeLessThan(deadline);
  while (!text.includes('"listening"') && child.exitCode === null && child.signalCode === null) {
    child.kill("SIGHUP");
    await pause(1);
  }
  expect([child.exitCode, child.signalCode]).toEqual([null, null]);
  // Whatever was missed by then, the next one is heard.
  child.kill("SIGHUP");
  await vi.waitFor(() => expect(text).toContain('"msg":"reloaded"'), 10_000);
});
