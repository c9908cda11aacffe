import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { styleText } from "node:util";
import { config, theBroker, theDecision, theKey, theRole, theRun } from "./demo/allowed.ts";
import { environmentOf } from "./demo/job.ts";
import { bundle, endAll } from "./demo/program.ts";
import { whoIsTurnedAway } from "./demo/refused.ts";
import { expect, table } from "./demo/stage.ts";
import { WireTap } from "./demo/wire-tap.ts";

const began = performance.now();
const folder = mkdtempSync(join(tmpdir(), "actions2aws-demo-"));
process.on("exit", cleanUp);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => process.exit(1));

try {
  expect(existsSync(bundle), "the bundle is there; npm run demo makes it");
  await Promise.race([show(), timeIsUp(25_000)]);
} catch (error) {
  const what = error instanceof Error ? error.message : String(error);
  console.error(
    `\n${styleText("red", "The demo failed", { stream: process.stderr })}: this did not hold: ${what}`,
  );
  process.exitCode = 1;
} finally {
  cleanUp();
}

async function show(): Promise<void> {
  console.log("A broker and a job on this machine: no account, no network, made-up credentials.");
  const recorded = theRun(folder);
  const broker = await theBroker(recorded);
  const tap = await WireTap.before(broker.url);
  const deploy = recorded.jobInProgress("release");
  const job = environmentOf(recorded, deploy, "deploy", folder);
  const publicKey = await theKey(job);
  await theRole(job, broker, tap, publicKey);
  theDecision(await broker.nextDecision(0), deploy, recorded);
  await whoIsTurnedAway(recorded, job, broker, tap, folder);
  tap.close();
  expect((await broker.stop()) === 0, "the broker ends well on SIGTERM");
  expect(!broker.log.some(({ msg }) => msg === "not JSON"), "the broker logs JSON lines alone");
  whereToGo();
}

function whereToGo(): void {
  console.log(
    `\n${styleText("green", "All of it was as told")}, in ${((performance.now() - began) / 1000).toFixed(1)} s. From here:`,
  );
  table([
    ["README.md", "using it in a job, running a broker"],
    [config, "the configuration that this broker had"],
    ["recordings/README.md", "what the recording holds, and how it attacks"],
    ["SECURITY.md", "what this protects from, and what it does not"],
  ]);
}

async function timeIsUp(ms: number): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, ms).unref());
  throw new Error(`it ends within ${ms / 1000} s`);
}

function cleanUp(): void {
  endAll();
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
