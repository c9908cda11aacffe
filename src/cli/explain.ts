import { isatty } from "node:tty";
import { Refusal } from "../core/errors.ts";
import { parseJob } from "../core/github-answers.ts";
import { roleShape } from "../core/request.ts";
import { configFaults, readConfig } from "../server/config-file.ts";
import type { Inquiry } from "../server/examine.ts";
import { explain as explainDecision } from "../server/explain/explain.ts";
import { explanationJson } from "../server/explain/json.ts";
import { explanationText } from "../server/explain/text.ts";
import { Recording } from "../server/recording.ts";
import { exitCodes, usageError } from "./failure.ts";
import type { Host } from "./host.ts";
import { oneLine } from "./plain-text.ts";

export interface ExplainFlags {
  config: string;
  recording: string;
  role: string;
  job?: string;
  jobId?: string;
  step?: string;
  json?: boolean;
}

/** Tells what a broker would answer to a recorded run, and why. @returns the exit code. */
export async function explain(flags: ExplainFlags, host: Host): Promise<number> {
  try {
    const { policy } = readConfig(flags.config);
    const recording = new Recording(flags.recording, () => host.elapsed());
    const inquiry = await inquiryOf(flags, recording, host);
    const clock = { wall: () => host.now(), steady: () => host.elapsed() };
    const explanation = await explainDecision({
      github: recording,
      log: recording,
      policy,
      inquiry,
      clock,
    });
    host.stdout.write(
      flags.json
        ? `${JSON.stringify(explanationJson(explanation), null, 2)}\n`
        : explanationText(explanation, mayColour(host)),
    );
    return explanation.verdict.allowed ? exitCodes.done : exitCodes.denied;
  } catch (error) {
    const faults = configFaults(error, flags.config);
    if (faults === null) throw error;
    for (const fault of faults) host.stderr.write(`${fault}\n`);
    return exitCodes.usage;
  }
}

/** What a job of the recorded run would ask, by the log proof: a recording has no OIDC tokens. */
async function inquiryOf(flags: ExplainFlags, recording: Recording, host: Host): Promise<Inquiry> {
  if (!roleShape.test(flags.role)) throw usageError("--role must be the ARN of an IAM role");
  if (flags.job !== undefined && flags.jobId !== undefined)
    throw usageError("--job and --job-id are both given: one of them is enough");
  const found = await openRecording(recording, flags.recording);
  return {
    repository: found.repository,
    run_id: found.runId,
    run_attempt: found.attempt,
    job: await jobOf(flags, recording, host),
    role: flags.role,
    step: flags.step,
    proofs: { log: true, oidc: false },
    environment: null,
  };
}

async function openRecording(recording: Recording, folder: string): ReturnType<Recording["check"]> {
  try {
    return await recording.check();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw usageError(`${folder} is not a recording: ${error.note ?? error.message}`);
  }
}

/** The job that was named; without a name the one that runs, or the only one. */
async function jobOf(
  { job, jobId }: ExplainFlags,
  recording: Recording,
  host: Host,
): Promise<Inquiry["job"]> {
  if (job !== undefined) return { name: job };
  if (jobId !== undefined) {
    if (!/^[1-9][0-9]{0,15}$/.test(jobId) || !Number.isSafeInteger(Number(jobId)))
      throw usageError("--job-id must be a positive number");
    return { id: Number(jobId) };
  }
  const jobs = (await recording.jobs()).value.map(parseJob);
  const running = jobs.filter(({ status }) => status === "in_progress");
  const [only, ...others] = running.length > 0 ? running : jobs;
  if (only && others.length === 0) return { id: only.id };
  for (const { id, name, status } of jobs)
    host.stderr.write(`${String(id).padEnd(12)} ${status.padEnd(11)} ${oneLine(name)}\n`);
  throw usageError("which of these jobs? Say it by --job-id NUMBER or --job NAME");
}

/** https://no-color.org */
function mayColour({ env }: Host): boolean {
  return isatty(1) && !env.NO_COLOR && env.TERM !== "dumb";
}
