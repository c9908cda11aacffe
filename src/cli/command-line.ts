import { Command, CommanderError } from "commander";
import { exitCodes, type Failure, usageError } from "./failure.ts";
import type { ExplainFlags } from "./explain.ts";
import type { Host } from "./host.ts";
import type { KeygenOptions } from "./keygen.ts";
import { splitCommand } from "./last-words.ts";
import type { RecordFlags } from "./record.ts";
import type { RequestFlags } from "./request-options.ts";
import type { ServeOptions } from "./serve.ts";
import { version } from "./version.ts";

// Each command's module is loaded only when it is called: start time counts in every job.

/** @returns the exit code. */
export async function runCommandLine(argv: readonly string[], host: Host): Promise<number> {
  const [options, command] = splitCommand(argv);
  let exitCode: number = exitCodes.done;
  const program = describeProgram(host);

  program
    .command("keygen")
    .description("make this job's identity, and announce its public half")
    .option("--identity <file>", "where to keep it (ACTIONS2AWS_IDENTITY)")
    .option("--force", "replace the identity that is there")
    .option(
      "--announce-to <file>",
      "write the announcement to this .live file too (ACTIONS2AWS_ANNOUNCE_TO)",
    )
    .addHelpText("after", keygenHelp)
    .action(async (flags: KeygenOptions) => {
      const { keygen } = await import("./keygen.ts");
      exitCode = keygen(flags, host);
    });

  program
    .command("request")
    .description("prove which job this is, and get credentials for a role")
    .usage("--url <url> --role <arn> [options] [-- command args...]")
    .option("--url <url>", "the broker's address (ACTIONS2AWS_URL)")
    .option("--role <arn>", "the role to get (ACTIONS2AWS_ROLE)")
    .option("--identity <file>", "where the identity is kept (ACTIONS2AWS_IDENTITY)")
    .option("--proof <kind>", "auto, log or oidc (ACTIONS2AWS_PROOF; default: auto)")
    .option("--format <format>", `${formatList} (ACTIONS2AWS_FORMAT; default: shell)`)
    .option(
      "--profile <name>",
      "write an AWS profile that renews itself; --format then hands on its name (ACTIONS2AWS_PROFILE)",
    )
    .option("--refresh", "keep a long command supplied with fresh ones (ACTIONS2AWS_REFRESH)")
    .option("--duration <time>", "how long they are good (ACTIONS2AWS_DURATION; default: 15m)")
    .option(
      "--announce-to <file>",
      "write the announcement to this .live file too (ACTIONS2AWS_ANNOUNCE_TO)",
    )
    .option(
      "--region <region>",
      "set AWS_REGION and AWS_DEFAULT_REGION as well (ACTIONS2AWS_REGION)",
    )
    .option("--job-id <number>", "this job's id, ${{ job.check_run_id }} (ACTIONS2AWS_JOB_ID)")
    .option(
      "--expect-account <id>",
      "fail unless role and credentials are this account's (ACTIONS2AWS_EXPECT_ACCOUNT)",
    )
    .option(
      "--mask-account-id",
      "hide the role's account id in the log (ACTIONS2AWS_MASK_ACCOUNT_ID)",
    )
    .option("--step <name>", "the name of the step that runs this (ACTIONS2AWS_STEP_NAME)")
    .option("--timeout <time>", "when to give up (ACTIONS2AWS_TIMEOUT; default: 60s)")
    .addHelpText("after", requestHelp)
    .action(async (flags: RequestFlags) => {
      const { parseRequestOptions } = await import("./request-options.ts");
      const asked = parseRequestOptions(flags, command, host.env);
      const { request } = await import("./request.ts");
      exitCode = await request(asked, host);
    });

  program
    .command("serve")
    .description("run the broker")
    .requiredOption("--config <file>", "its configuration, YAML")
    .option("--listen <host:port>", "where to answer (default: 127.0.0.1:8080; port 0 picks one)")
    .option(
      "--admin-listen <host:port>",
      "where to answer the operator: health, metrics, decisions",
    )
    .option("--recording <folder>", "answer from a recorded run instead of GitHub")
    .option("--simulate-aws", "give made-up credentials; for loopback alone")
    .option("--check", "read the configuration, print every fault, and exit")
    .addHelpText("after", serveHelp)
    .action(async (flags: ServeOptions) => {
      const { serve } = await import("./serve.ts");
      exitCode = await serve(flags);
    });

  program
    .command("record")
    .description("write a recording of a run, without its secrets")
    .requiredOption("--repository <owner/name>", "whose run it is")
    .requiredOption("--run <number>", "its id")
    .requiredOption("--out <folder>", "a new folder for the recording")
    .option("--attempt <number>", "which attempt (default: the latest)")
    .option("--config <file>", "a broker's configuration, for GitHub's addresses")
    .option("--server-url <url>", "GitHub's address (default: https://github.com)")
    .option("--api-url <url>", "its API's address, if it is not the usual one")
    .addHelpText("after", recordHelp)
    .action(async (flags: RecordFlags) => {
      const { record } = await import("./record.ts");
      exitCode = await record(flags, host);
    });

  program
    .command("explain")
    .description("tell what a broker would answer to a recorded run, and why")
    .requiredOption("--config <file>", "the broker's configuration")
    .requiredOption("--recording <folder>", "the run")
    .requiredOption("--role <arn>", "the role that is asked for")
    .option("--job <name>", "the job that asks, by its name (default: the one in progress)")
    .option("--job-id <number>", "the job that asks, by its id")
    .option("--step <name>", "the step that asks")
    .option("--json", "for programs")
    .addHelpText("after", explainHelp)
    .action(async (flags: ExplainFlags) => {
      const { explain } = await import("./explain.ts");
      exitCode = await explain(flags, host);
    });

  program
    .command("verify-audit")
    .description("tell whether an audit file is whole, and nobody has changed it")
    .argument("<files...>", "audit files, the oldest first")
    .addHelpText("after", verifyAuditHelp)
    .action(async (files: string[]) => {
      const { verifyAudit } = await import("./verify-audit.ts");
      exitCode = await verifyAudit(files, host);
    });

  program
    .command("probe")
    .description("ask a broker on this machine whether it is well")
    .argument("<url>", "its admin listener's /healthz or /readyz")
    .addHelpText("after", probeHelp)
    .action(async (url: string) => {
      const { probe } = await import("./probe.ts");
      exitCode = await probe(url);
    });

  if (command !== null && options[0] !== "request") {
    throw usageError("only request takes a command after --: see actions2aws --help");
  }
  try {
    await program.parseAsync(options, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const fault = usageOf(error);
    if (fault) throw fault;
  }
  return exitCode;
}

const formatList = "shell, github-env, github-output, json, credential-process, dotenv, powershell";

const keygenHelp = `
Default place: $RUNNER_TEMP/actions2aws/identity in a job, else ~/.actions2aws/key.
In a job an identity that is there already is kept and announced again.

Examples:
  actions2aws keygen
  actions2aws keygen --identity ./identity --force`;

const requestHelp = `
Each option can come from the environment instead. An identity is made if there is none.

--proof auto takes GitHub's OIDC token where the job may have one, and the log where the grant wants it.
--format credential-process keeps what it gets beside the identity, and renews it when it is called again.
--profile writes the profile into the AWS shared credentials file, whose other profiles stay as they are;
  AWS tools find it by AWS_PROFILE, which this prints or writes as --format says.
--refresh answers the command's AWS tools on loopback, and takes other AWS credentials out of its environment.

Examples:
  eval $(actions2aws request --url https://broker.example.com --role arn:aws:iam::123456789012:role/deploy)
  actions2aws request --format github-env --region eu-west-1
  actions2aws request --duration 1h -- aws s3 ls
  actions2aws request --refresh -- ./takes-hours.sh
  actions2aws request --profile deploy && aws --profile deploy s3 ls

Exit codes: 0 done, 2 usage, 3 denied, 4 unavailable or out of time, 1 anything else.`;

const serveHelp = `
Examples:
  actions2aws serve --config broker.yml --check
  actions2aws serve --config broker.yml --listen 0.0.0.0:8080 --admin-listen 127.0.0.1:9090

Secrets come from the environment (GITHUB_TOKEN and others, or NAME_FILE): README.md names them.`;

const recordHelp = `
Reads with GITHUB_TOKEN and GITHUB_USER_SESSION of the environment, as a broker does. What looks like
a secret is taken out, and its place is told. Look the folder through before you pass it on.

Examples:
  actions2aws record --repository acme/shop --run 19284650173 --out recordings/shop
  actions2aws serve --config broker.yml --recording recordings/shop --simulate-aws`;

const explainHelp = `
Nothing is asked of GitHub or AWS. A recording has no OIDC tokens: grants that want one do not fit.

Examples:
  actions2aws explain --config broker.yml --recording recordings/shop --role arn:aws:iam::123456789012:role/deploy

Exit codes: 0 allowed, 3 denied, 2 usage, 1 anything else.`;

const verifyAuditHelp = `
Each record names the hash of the one before. Who can write the whole file can write a new chain:
compare the last hash with one that you keep elsewhere.

Examples:
  actions2aws verify-audit audit.jsonl.1 audit.jsonl

Exit codes: 0 whole, 1 broken, 2 usage.`;

const probeHelp = `
For health checks of containers in which there is no other program. It says nothing when all is well.

Examples:
  actions2aws probe http://127.0.0.1:9090/healthz

Exit codes: 0 it answered 200, 1 it answered something else, 4 it did not answer, 2 usage.`;

function describeProgram(host: Host): Command {
  return new Command("actions2aws")
    .description(
      "Short-lived AWS role credentials for GitHub Actions jobs, with no secret stored in GitHub.",
    )
    .version(version)
    .exitOverride()
    .configureHelp({ styleTitle: (text) => `\u001b[1m${text}\u001b[22m` })
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
      outputError: () => {},
    });
}

/** Faults of the command line become usage errors; help and version, which commander throws too, do not. */
function usageOf(error: CommanderError): Failure | null {
  if (error.exitCode === 0) return null;
  if (error.code === "commander.help") return usageError("a command is missing");
  const what = error.message.replace(/^error: |\.$/g, "");
  if (error.code === "commander.excessArguments" && what.includes("'request'"))
    return usageError(`${what} (a command to run stands behind --)`);
  return usageError(`${what}: see actions2aws --help, or --help of the command`);
}
