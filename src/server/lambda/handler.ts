import { join } from "node:path";
import { clock } from "../clock.ts";
import { EnvironmentError } from "../environment-error.ts";
import { openBroker, type OpenBroker } from "../open-broker.ts";
import { faultsOf, type Settings } from "../settings.ts";
import { silent } from "../telemetry.ts";
import {
  arrivalOf,
  type HttpEvent,
  type HttpResult,
  parseEvent,
  requestOf,
  resultOf,
} from "./event.ts";
import { Rereading } from "./rereading.ts";

export type Handler = (event: unknown, context: Context) => Promise<HttpResult>;

/** What Lambda tells of an invocation, as far as it matters here. */
interface Context {
  getRemainingTimeInMillis(): number;
}

/** API Gateway waits for 30 seconds, and has waited for a while before the function even starts. */
const answerWithinMs = 28_000;
/** STS, with its three attempts. */
const issueWithinMs = 6_000;
/** What may follow the decision: the claim, STS, giving the claim back, and the record. */
const afterDecisionMs = issueWithinMs + 5_000;
/** Longer than this nothing waits to be started: it is two clocks that differ. */
const longestWaitMs = 10_000;
/** A connection that nobody has looked after for so long may have been closed without a word. */
const sleepMs = 5_000;

/**
 * The broker as a function of Lambda's. One request comes at a time, and between two of them nothing
 * runs, neither timers nor what is under way.
 *
 * @throws {ConfigError | EnvironmentError} when it can't start; why is in the log
 */
export async function openHandler(
  environment: NodeJS.ProcessEnv,
  output: NodeJS.WritableStream,
): Promise<{ handler: Handler; close: () => Promise<void> }> {
  let rereading: Rereading | undefined;
  const broker = await open(environment, output, (code) => {
    if (code === "github_session_expired") rereading?.suspect();
  });
  rereading = new Rereading(() => broker.reload(), clock.steady);
  let awakeAt = clock.steady();
  const handler: Handler = async (given, context) => {
    const event = parseEvent(given);
    const decideBy = decideByOf(event, context);
    if (clock.steady() - awakeAt > sleepMs) await broker.renewConnections();
    await rereading.whenDue();
    const response = await broker.arrivals.fetch(requestOf(event), arrivalOf(event, decideBy));
    const result = await resultOf(response);
    await written(output);
    awakeAt = clock.steady();
    return result;
  };
  return { handler, close: () => broker.close() };
}

async function open(
  environment: NodeJS.ProcessEnv,
  output: NodeJS.WritableStream,
  onDecision: (code: unknown) => void,
): Promise<OpenBroker> {
  const folder = environment.LAMBDA_TASK_ROOT ?? "/var/task";
  const config = environment.ACTIONS2AWS_CONFIG || join(folder, "broker.yml");
  const onlooker = {
    telemetry: silent,
    onDecision: (record: { code?: unknown }) => onDecision(record.code),
  };
  try {
    return await openBroker({ config, assertFits, issueWithinMs }, environment, output, onlooker);
  } catch (error) {
    output.write(`${JSON.stringify({ msg: "not started", faults: faultsOf(error, config) })}\n`);
    throw error;
  }
}

/** Instances come and go as Lambda likes, many at a time, with no disk that lasts. */
function assertFits({ config, secrets }: Settings): void {
  if (config.auditFile !== undefined)
    throw new EnvironmentError("audit: a function of Lambda's has no disk that lasts: use stdout");
  if (config.store.kind === "memory")
    throw new EnvironmentError(
      "store: memory is each instance's own, and Lambda runs several: use dynamodb:TABLE",
    );
  if (!secrets.signingKey)
    throw new EnvironmentError(
      "SigningKey: instances need one in common, in the secret of GITHUB_SECRET_ID",
    );
}

/** When AWS must be asked at the latest, by the monotonic clock. */
function decideByOf({ requestContext }: HttpEvent, context: Context): number {
  const apart = clock.wall() - requestContext.timeEpoch;
  const waited = Math.min(Math.max(0, apart), longestWaitMs);
  const left = Math.min(answerWithinMs - waited, context.getRemainingTimeInMillis() - 1_000);
  return clock.steady() + left - afterDecisionMs;
}

/** What was logged is out of this process before it may be frozen. */
function written(output: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => output.write("", () => resolve()));
}
