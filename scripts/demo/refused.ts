import { styleText } from "node:util";
import { role } from "./allowed.ts";
import type { AuditRecord, DemoBroker } from "./broker.ts";
import { environmentOf } from "./job.ts";
import { type Ended, type Environment, runToEnd } from "./program.ts";
import type { RecordedRun } from "./recorded-run.ts";
import { expect, good, output, scene, tell } from "./stage.ts";
import { post, type WireTap } from "./wire-tap.ts";

// The scene in which others, and the job itself, ask for what they may not have.

export async function whoIsTurnedAway(
  recorded: RecordedRun,
  job: Environment,
  broker: DemoBroker,
  tap: WireTap,
  runners: string,
): Promise<void> {
  scene("Who is turned away");
  const asks = async (who: string, environment: Environment, wanted: string, code: string) => {
    tell(styleText("bold", who));
    const already = broker.decisions.length;
    const args = ["request", "--url", tap.url, "--role", wanted, "--timeout", "10s"];
    const ended = await runToEnd(args, environment);
    refused(ended, await broker.nextDecision(already), code);
  };
  const docs = recorded.jobInProgress("docs");
  const otherJob = environmentOf(recorded, docs, "docs", runners);
  await asks(
    "The same job, for another role",
    job,
    role.replace("deploy", "admin"),
    "role_not_granted",
  );
  await asks("Another job of the run, with a key and a log of its own", otherJob, role, "no_grant");
  await aStranger(broker, tap);
  recorded.becomeForkOf({ id: 48_151_623, full_name: "rivers/shop" });
  await asks("The same job, had its run come from a fork", job, role, "fork");
  const allowed = broker.decisions.filter(({ decision }) => decision === "allowed");
  expect(allowed.length === 1, "credentials were given once");
  good(`${broker.decisions.length} decisions recorded, ${allowed.length} of them allowed.`);
}

/** What the reader of the job's log sees, and what the record says. */
function refused(ended: Ended, record: AuditRecord, code: string): void {
  output(
    ended.stderr
      .split("\n")
      .filter((line) => line.startsWith("actions2aws: "))
      .join("\n"),
  );
  expect(ended.exitCode === 3 && ended.stderr.includes(code), `request ends with 3 and ${code}`);
  expect(ended.stdout === "false\n", "stdout makes eval fail, and sets nothing");
  told(record, code, "; exit code 3, and `false` for eval");
}

/** Everything that the log shows to the public, sent in by somebody else. */
async function aStranger(broker: DemoBroker, tap: WireTap): Promise<void> {
  tell(styleText("bold", "A stranger, who copied key and challenge out of the public log"));
  const [challenge, credentials] = tap.exchanges;
  const { challenge: copied } = JSON.parse(challenge?.answered ?? "{}") as { challenge?: string };
  const body = { ...(JSON.parse(credentials?.sent ?? "{}") as object), ticket: copied };
  const already = broker.decisions.length;
  const { status, answered } = await post(`${broker.url}/v1/credentials`, JSON.stringify(body));
  const problem = JSON.parse(answered) as { code: string; detail: string };
  output(`${status} ${problem.code}: ${problem.detail}`);
  expect(status === 403 && problem.code === "challenge_invalid", "the copy is refused");
  told(await broker.nextDecision(already), problem.code);
}

function told(record: AuditRecord, code: string, and = ""): void {
  expect(record.decision === "denied" && record.code === code, `the record says denied, ${code}`);
  const fields = record.fields?.length ? `, fields: ${record.fields.join(", ")}` : "";
  good(`${record.decision}: ${record.code}${fields}${and}`);
}
