import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { onTestFinished } from "vitest";
import { Secret } from "../../../src/core/secret.ts";
import { readConfig } from "../../../src/server/config-file.ts";
import { explain, type Explanation } from "../../../src/server/explain/explain.ts";
import { Network } from "../../../src/server/network.ts";
import { gitHubSource } from "../../../src/server/record/github-source.ts";
import { NewFolder } from "../../../src/server/record/new-folder.ts";
import { record, type Options, type Recorded } from "../../../src/server/record/record.ts";
import { Redaction, type Removal } from "../../../src/server/record/redaction.ts";
import { Recording } from "../../../src/server/recording.ts";
import { startBroker } from "../../../src/server/serve.ts";
import { roleArn } from "../../core/golden.ts";
import type { SimulatedGitHub } from "../../world/index.ts";
import type { Stage } from "../broker.ts";
import { makeFolder } from "../folder.ts";

const now = (): number => performance.now();

export interface Written {
  readonly folder: string;
  readonly recorded: Recorded;
  readonly removed: readonly Removal[];
  /** Every file of it: its path in the folder → its text. */
  readonly files: ReadonlyMap<string, string>;
}

/** Records a run of a simulated GitHub over HTTP, as `actions2aws record` does. */
export async function recordWorld(
  github: SimulatedGitHub,
  options: Partial<Options> = {},
): Promise<Written> {
  const network = new Network({ random: () => 0 });
  onTestFinished(() => network.close());
  const [token, session] = [new Secret(github.token), new Secret(github.session.cookie)];
  const { webUrl: serverUrl, apiUrl } = github;
  const redaction = new Redaction([
    { what: "token", secret: token },
    { what: "session", secret: session },
  ]);
  const target = new NewFolder(join(makeFolder(), "recording"));
  const recorded = await record(
    gitHubSource({ serverUrl, apiUrl, token, session, network, now }),
    target,
    redaction,
    {
      repository: "acme/app",
      runId: 5_001,
      attempt: undefined,
      pause: () => Promise.resolve(),
      now,
      ...options,
    },
  );
  target.finish();
  const files = new Map(
    readdirSync(target.path, { recursive: true, encoding: "utf8" })
      .filter((name) => statSync(join(target.path, name)).isFile())
      .map((name) => [name, readFileSync(join(target.path, name), "utf8")]),
  );
  return { folder: target.path, recorded, removed: redaction.removed, files };
}

/** What `actions2aws explain` says of a recording, by a stage's configuration. */
export function explained(stage: Stage, folder: string, more: object = {}): Promise<Explanation> {
  const recording = new Recording(folder, now);
  return explain({
    github: recording,
    log: recording,
    policy: readConfig(configOf(stage)).policy,
    clock: { wall: () => Date.now(), steady: now },
    inquiry: {
      repository: "acme/app",
      run_id: 5_001,
      run_attempt: 1,
      job: { id: 7_001 },
      role: roleArn,
      step: undefined,
      proofs: { log: true, oidc: false },
      environment: null,
      ...more,
    },
  });
}

/** A second broker, of the same configuration and signing key, that answers from a recording. */
export async function replay(stage: Stage, folder: string): Promise<string> {
  const config = join(makeFolder(), "config.yaml");
  const text = readFileSync(configOf(stage), "utf8");
  writeFileSync(config, text.replace(/^audit:.*\n/m, ""));
  const output = new PassThrough();
  output.resume();
  const broker = await startBroker(
    { config, listen: "127.0.0.1:0", recording: folder, simulateAws: true, version: "0" },
    { ACTIONS2AWS_SIGNING_KEY: "canary of a signing key, 32 characters" },
    output,
  );
  onTestFinished(() => broker.stop());
  return broker.url;
}

function configOf(stage: Stage): string {
  return join(dirname(stage.auditFile), "config.yaml");
}
