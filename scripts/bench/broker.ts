import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Repository, startWorld, type World } from "../../test/world/index.ts";
import { root } from "../bundle.ts";

export interface Latency {
  api: number;
  web: number;
  sts: number;
}

/** The packaged broker, as a process of its own, before a simulated GitHub and STS. */
export interface Bench {
  world: World;
  repository: Repository;
  url: string;
  /** What the broker's process has used so far, milliseconds of processor time. */
  processorTime(): number;
  /** MiB: now, and at its highest. */
  memory(): { now: number; highest: number };
  stop(): Promise<void>;
}

export const role = "arn:aws:iam::123456789012:role/deploy";

export async function startBench(latency: Latency): Promise<Bench> {
  const world = await startWorld({ latency });
  const { repository } = world.github.golden();
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-bench-"));
  writeFileSync(join(folder, "broker.yml"), configuration(world, join(folder, "audit.jsonl")));
  const broker = spawn(
    join(root, "dist/actions2aws"),
    ["serve", "--config", join(folder, "broker.yml"), "--listen", "127.0.0.1:0"],
    { env: environment(world), stdio: ["ignore", "pipe", "inherit"] },
  );
  return {
    world,
    repository,
    url: await listeningUrl(broker),
    processorTime: () => processorTime(broker),
    memory: () => memory(broker),
    async stop() {
      broker.kill();
      await once(broker, "exit");
      await world.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** What the broker's tokens are for. */
export const publicUrl = "https://broker.example.com";

function configuration({ github, issuer }: World, auditFile: string): string {
  return `
public_url: ${publicUrl}
github: { server_url: "${github.webUrl}", api_url: "${github.apiUrl}", oidc_issuer: "${issuer.url}" }
audit: { file: "${auditFile}" }
limits: { per_address: 1000000/m, per_repository: 1000000/m, per_run: 1000000/m }
grants:
  - name: deploy
    repository: acme/app
    repository_id: 1001
    workflow: .github/workflows/deploy.yml
    ref: refs/heads/main
    step: assume role
    proof: either
    role: ${role}
`;
}

function environment({ github, sts }: World): NodeJS.ProcessEnv {
  return {
    GITHUB_TOKEN: github.token,
    GITHUB_USER_SESSION: github.session.cookie,
    AWS_ENDPOINT_URL_STS: sts.url,
    AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
    AWS_SECRET_ACCESS_KEY: "not-a-real-key",
    AWS_REGION: "us-east-1",
  };
}

async function listeningUrl(broker: ChildProcess): Promise<string> {
  if (!broker.stdout) throw new Error("the broker has no output");
  const lines = createInterface(broker.stdout);
  for await (const line of lines) {
    const { msg, url } = JSON.parse(line) as { msg?: string; url?: string };
    if (msg === "listening" && url !== undefined) {
      broker.stdout.resume();
      return url;
    }
  }
  throw new Error("the broker did not start");
}

/** From Linux's /proc, whose clock ticks a hundred times a second. */
function processorTime({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function memory({ pid }: ChildProcess): { now: number; highest: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mebibytes = (name: string): number =>
    Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  return { now: mebibytes("VmRSS"), highest: mebibytes("VmHWM") };
}
