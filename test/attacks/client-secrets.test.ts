import { globSync, readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { canaries, useClients } from "../harness/clients.ts";
import type { Running } from "../harness/machine.ts";
import { answerWith, challenge, ticket } from "../harness/scripted-broker.ts";
import { bearer, tokenService } from "../harness/token-service.ts";
import { attempt, requestOf, role, type WayName, wayNames } from "../harness/ways.ts";
import { startWorld } from "../world/index.ts";

const clients = useClients();

const honest = { credentials: [answerWith(canaries)] };
const masked = [canaries.AccessKeyId, canaries.SecretAccessKey, canaries.SessionToken];

/** What no line shows, masked or not. */
const hidden = [canaries.RenewalToken, ticket, "AGE-SECRET-KEY-1", bearer];

/** Where a text first stands, other than in its mask. */
function firstShown(output: string, secret: string): number {
  const blanked = output.replaceAll(`::add-mask::${secret}\n`, (mask) => "-".repeat(mask.length));
  return blanked.indexOf(secret);
}

/** Every secret that is shown has been masked before; what is hidden is shown nowhere. */
function expectMaskedFirst(output: string): void {
  for (const secret of masked) {
    const mask = output.indexOf(`::add-mask::${secret}\n`);
    expect(mask).toBeGreaterThanOrEqual(0);
    const shown = firstShown(output, secret);
    if (shown >= 0) expect(shown).toBeGreaterThan(mask);
  }
  for (const secret of hidden) expect(output).not.toContain(secret);
}

describe.concurrent("masks come before what they mask, in the order of writing (C-05):", () => {
  test.for(wayNames)("by %s", async (way) => {
    const machine = await clients().machine();
    const [command, last] = way.endsWith("command") ? ["--", "env"] : ["", ""];
    const words = requestOf(clients().broker(honest), way);
    const line = (command ? [...words.slice(0, words.indexOf("--")), command, last] : words).join(
      " ",
    );
    // One pipe for both, so that the order is that of writing.
    const { exitCode, stdout } = await machine.run([`"$program" ${line} 2>&1`], { shell: ["sh"] });
    expect(exitCode).toBe(0);
    expectMaskedFirst(stdout);
    expect(stdout.includes("::add-mask::")).toBe(true);
  });

  test("in a shell that shows all that it does", async () => {
    const machine = await clients().machine();
    const line = requestOf(clients().broker(honest), "shell").join(" ");
    const script = `set -x; eval $("$program" ${line}); env`;
    const { exitCode, stdout } = await machine.run([`exec 2>&1; ${script}`], { shell: ["bash"] });
    expect(exitCode).toBe(0);
    expectMaskedFirst(stdout);
    expect(firstShown(stdout, canaries.SecretAccessKey)).toBeGreaterThan(0);
  });

  test("stdout has no mask, so that nobody takes one for a credential", async () => {
    const machine = await clients().machine();
    const { stdout } = await attempt(machine, clients().broker(honest), "shell");
    expect(stdout).not.toContain("add-mask");
  });

  test("outside of a job, where no runner hides anything, there is none", async () => {
    const machine = await clients().machine();
    const env = { GITHUB_ACTIONS: "false" };
    const { exitCode, stderr } = await attempt(machine, clients().broker(honest), "shell", { env });
    expect(exitCode).toBe(0);
    expect(stderr).not.toMatch(/add-mask|canary/i);
  });
});

describe("no switch for debugging shows more (C-05):", () => {
  const debugging = {
    ACTIONS_STEP_DEBUG: "true",
    ACTIONS_RUNNER_DEBUG: "true",
    RUNNER_DEBUG: "1",
    DEBUG: "*",
    NODE_DEBUG_NATIVE: "http,tls,crypto",
    NODE_V8_COVERAGE: "",
  };

  test.for(["log", "oidc"])("with the %s proof", async (proof) => {
    const service = await tokenService();
    const machine = await clients().machine();
    const env = { ...debugging, ...service.env };
    const more = ["--proof", proof];
    const { exitCode, stderr } = await attempt(machine, clients().broker(honest), "json", {
      more,
      env,
    });
    expect(exitCode).toBe(0);
    expectMaskedFirst(stderr);
    for (const secret of [...masked, ...service.given]) expect(firstShown(stderr, secret)).toBe(-1);
    expect(service.given).toHaveLength(proof === "oidc" ? 1 : 0);
  });

  test("but Node's own, which shows the bearer: then nobody is asked", async () => {
    const service = await tokenService();
    const broker = clients().broker(honest);
    const env = { ...service.env, NODE_DEBUG: "http,https,net,tls" };
    const ended = await attempt(await clients().machine(), broker, "json", { env });
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr + ended.stdout).not.toContain(bearer);
    expect([...broker.journal, ...service.journal]).toEqual([]);
  });
});

test("a step that has stopped the runner's commands has masks and all in its log: request in a step of its own (C-06)", async () => {
  const machine = await clients().machine();
  const { stderr } = await attempt(machine, clients().broker(honest), "shell");
  const world = await startWorld();
  try {
    const { github } = world;
    const { job } = github.golden();
    const [own, shared] = ["own", "shared"].map((name) => github.addStep(job, { name }));
    github.say(job, "shared", `::stop-commands::halt\n${stderr}`);
    expect(shared?.log).toContain(canaries.SecretAccessKey);
    github.say(job, "own", `::halt::\n${stderr}${masked.join("\n")}`);
    expect(own?.log).not.toMatch(/canary/i);
  } finally {
    await world.close();
  }
});

/** The process and all that it has started, as the system shows them to others. */
function shownOf(pid: number | undefined, file: "cmdline" | "environ"): string[] {
  const [list] = globSync(`/proc/${pid}/task/${pid}/children`);
  const children = list ? readFileSync(list, "utf8").trim().split(" ").filter(Boolean) : [];
  const own = readFileSync(`/proc/${pid}/${file}`, "utf8");
  return [own, ...children.flatMap((child) => shownOf(Number(child), file))];
}

describe.concurrent("no process shows a secret among its arguments, nor ours in its environment (C-15):", () => {
  const commands = wayNames.filter((way) => way.endsWith("command"));

  async function started(way: WayName): Promise<Running> {
    const machine = await clients().machine();
    const words = requestOf(clients().broker(honest), way);
    const command = ["--", "sh", "-c", "echo started; exec sleep 60"];
    const running = machine.start([...words.slice(0, words.indexOf("--")), ...command]);
    await vi.waitFor(() => expect(running.soFar().stdout).toBe("started\n"), 15_000);
    return running;
  }

  test.for(commands)("%s", async (way) => {
    const running = await started(way);
    const { pid } = running.child;
    try {
      const lines = shownOf(pid, "cmdline");
      expect(lines).toHaveLength(2);
      expect(lines[0]).toContain(role);
      for (const secret of [...masked, ...hidden]) expect(lines.join("\n")).not.toContain(secret);
      const [own, command] = shownOf(pid, "environ");
      expect(own).not.toMatch(/canary/i);
      // The command has them by design, unless it is supplied.
      expect(/canary/i.test(command ?? "")).toBe(way === "-- command");
    } finally {
      running.child.kill("SIGTERM");
      await running.ended;
    }
  });
});

describe("what leaves is what the broker needs to know, and nothing else (C-18):", () => {
  const canary = "canary-of-the-environment";
  const env = {
    GITHUB_TOKEN: canary,
    ACTIONS_RUNTIME_TOKEN: canary,
    ACTIONS_CACHE_URL: `https://${canary}`,
    AWS_ACCESS_KEY_ID: canary,
    AWS_SECRET_ACCESS_KEY: canary,
    AWS_SESSION_TOKEN: canary,
    INPUT_PASSWORD: canary,
    NPM_TOKEN: canary,
    GITHUB_EVENT_PATH: "/proc/self/environ",
    GITHUB_ACTOR: canary,
    GITHUB_SHA: canary,
    GITHUB_WORKFLOW: canary,
    RUNNER_TRACKING_ID: canary,
    HOSTNAME: canary,
    USER: canary,
  };
  const run = { repository: "acme/app", run_id: 5001, run_attempt: 1 };
  const job = { runner_name: "GitHub Actions 12", name: "deploy" };
  const headers = ["accept", "connection", "content-length", "content-type", "host", "user-agent"];

  test.for(["log", "oidc"])("the bodies and headers of the %s proof", async (proof) => {
    const service = await tokenService();
    const machine = await clients().machine();
    const broker = clients().broker(honest);
    const all = ["--proof", proof, "--step", "assume role", "--duration", "1h", "--job-id", "7001"];
    const asked = await attempt(machine, broker, "json", {
      more: all,
      env: { ...env, ...service.env },
    });
    expect(asked.exitCode).toBe(0);
    const [first, last] = [broker.journal[0], broker.journal.at(-1)];
    const { public_key } = first?.body ?? {};
    const jobWithId = { id: 7001, ...job };
    const request = {
      ...run,
      job: jobWithId,
      step: "assume role",
      role,
      duration_seconds: 3600,
      public_key,
    };
    const bodies =
      proof === "log"
        ? [
            { ...run, public_key, job: jobWithId, ref: "refs/heads/main" },
            { ...request, ticket },
          ]
        : [{ ...request, oidc_token: service.given[0] }];
    expect(broker.journal.map(({ text }) => text)).toEqual(
      bodies.map((body) => JSON.stringify(body)),
    );
    for (const { headers: sent } of broker.journal)
      expect(Object.keys(sent).toSorted()).toEqual(headers);
    expect(last?.path).toBe("/v1/credentials");
    expect(JSON.stringify(broker.journal)).not.toMatch(new RegExp(`${canary}|${bearer}`));
    expect(service.journal.map(({ url }) => [...url.searchParams.keys()])).toEqual(
      proof === "oidc" ? [["api-version", "audience"]] : [],
    );
    expect(asked.stderr).toContain(proof === "log" ? ` ${challenge}\n` : "::add-mask::");
  });
});
