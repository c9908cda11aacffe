import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import { basename, join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { brokerEnvironment, type LogLine, signingKey } from "../harness/broker.ts";
import type { Body, Client } from "../harness/client.ts";
import { configuration, type Grant, grantLike, roleOf } from "../harness/config.ts";
import { deployment, manifests } from "../deploy/manifests.ts";
import { type Golden, startWorld, type World } from "../world/index.ts";
import { commandOf, composeFolder, podmanOptions, readCompose } from "../deploy/compose.ts";
import { forward } from "./hosts/forward.ts";
import { Images } from "./hosts/images.ts";
import { asRoot, root } from "./hosts/machine.ts";
import { expectNotGranted, expectServes, newClient } from "./hosts/served.ts";

// The image of deploy/container/Dockerfile, run by podman as compose.yml says, beside the Redis of it.
// The two share a network that has loopback alone; the simulated GitHub and AWS are let in there.

const compose = readCompose();
const { "broker-1": broker, redis } = compose.services;
const password = "canary-password-of-the-store";

const images = new Images();
const servers: Server[] = [];
let forwarder: ChildProcess;
let world: World;
let golden: Golden;
let url: string;
let storePort: number;

/** The configuration that ships, for the grants and addresses of the tests. */
function config(...grants: readonly Grant[]): string {
  const shipped = parse(readFileSync(join(composeFolder, "config/broker.yml"), "utf8")) as object;
  const { github, grants: all } = JSON.parse(configuration(world, "", grants)) as Body & {
    github: object;
    grants: object;
  };
  return JSON.stringify({ ...shipped, github, grants: all });
}

function writeConfig(...grants: readonly Grant[]): void {
  writeFileSync(join(images.folder, "config/broker.yml"), config(...grants));
}

beforeAll(async () => {
  world = await startWorld();
  golden = world.github.golden();
  await images.build();
  await images.redis(redis?.image ?? "");
  await writeFiles();
  await startContainers();
  await connectNetworks();
  await untilStarted("broker");
}, 180_000);
afterAll(async () => {
  forwarder?.kill("SIGKILL");
  for (const server of servers) server.close();
  await images.remove();
  await world.close();
}, 60_000);
beforeEach(() => world.sts.clearJournal());

/** As docs/containers.md says: secrets are the broker's user's, and nobody else reads them. */
async function writeFiles(): Promise<void> {
  for (const name of ["config", "secrets"]) mkdirSync(join(images.folder, name));
  const secrets: Record<string, string> = {
    github_token: world.github.token,
    github_user_session: world.github.session.cookie,
    signing_key: signingKey,
    signing_key_previous: "",
    store_password: password,
  };
  expect(Object.keys(secrets)).toEqual(Object.keys(compose.secrets));
  for (const [name, text] of Object.entries(secrets))
    writeFileSync(join(images.folder, "secrets", name), text, { mode: 0o400 });
  await root("chown", "-R", "65532:65532", join(images.folder, "secrets"));
  await root("chmod", "0755", images.folder);
  writeConfig();
}

async function startContainers(): Promise<void> {
  if (!broker || !redis) throw new Error("compose.yml has other services");
  const secrets = join(images.folder, "secrets");
  // Of GitHub and AWS only where they are is the world's to say.
  const aws = Object.entries(brokerEnvironment(world)).filter(([name]) => name.startsWith("AWS_"));
  await run(
    ["--name=broker", "--network=none", "--add-host=redis:127.0.0.1"],
    [
      ...podmanOptions(broker, secrets),
      ...aws.map(([name, value]) => `--env=${name}=${value}`),
      `--volume=${images.folder}/config:/etc/actions2aws:ro`,
      "--volume=audit:/var/log/actions2aws",
      broker.image,
    ],
  );
  await run(
    ["--name=redis", "--network=container:broker"],
    [...podmanOptions(redis, secrets), redis.image, ...commandOf(redis)],
  );
}

/** podman would raise these two, which not every machine's root may. */
const limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"];

async function run(where: readonly string[], what: readonly string[]): Promise<void> {
  const done = await images.podman("run", "--detach", ...where, ...limits, ...what);
  expect(done).toMatchObject({ exitCode: 0 });
}

/** Loopback of the containers' network, and this one's, by sockets in a folder that both see. */
async function connectNetworks(): Promise<void> {
  const { github, sts, issuer } = world;
  const services = [github.webUrl, github.apiUrl, sts.url, issuer.url].map((at) => new URL(at));
  const ports = [...new Set(services.map(({ port }) => Number(port)))];
  const socket = (name: string | number): string => join(images.folder, `${name}.socket`);
  for (const port of ports) servers.push(await forward(socket(port), port));
  const script = join(import.meta.dirname, "hosts/forward.ts");
  const pairs = [
    ...ports.map((port) => `${port}=${socket(port)}`),
    `${socket("broker")}=8080`,
    `${socket("redis")}=6379`,
  ];
  const network = ["nsenter", "--target", await pidOf("broker"), "--net"];
  const [program = "", ...args] = [...asRoot, ...network, process.execPath, script, ...pairs];
  forwarder = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => forwarder.stdout?.once("data", resolve));
  await root("chmod", "a+rw", socket("broker"), socket("redis"));
  const near = [await forward(0, socket("broker")), await forward(0, socket("redis"))];
  servers.push(...near);
  const [brokerPort = 0, redisPort = 0] = near.map((it) => (it.address() as AddressInfo).port);
  [url, storePort] = [`http://127.0.0.1:${brokerPort}`, redisPort];
}

async function inspect(container: string, what: string): Promise<string> {
  const { stdout } = await images.podman("inspect", "--format", `{{${what}}}`, container);
  return stdout.trim();
}

function pidOf(container: string): Promise<string> {
  return inspect(container, ".State.Pid");
}

async function logOf(container: string): Promise<string> {
  const { stdout, stderr } = await images.podman("logs", container);
  return stdout + stderr;
}

async function untilStarted(container: string): Promise<void> {
  const started = async (): Promise<void> => {
    expect(await logOf(container)).toContain('"msg":"admin listening"');
  };
  await vi.waitFor(started, { timeout: 30_000, interval: 200 });
}

async function log(): Promise<LogLine[]> {
  const lines = (await logOf("broker")).split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line) as LogLine);
}

async function audit(): Promise<object[]> {
  const { stdout } = await images.podman("volume", "inspect", "audit", "--format={{.Mountpoint}}");
  const text = (await root("cat", join(stdout.trim(), "audit.jsonl"))).stdout;
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as object);
}

function client(): Promise<Client> {
  return newClient(world, golden, url);
}

test("a job gets its credentials, and another role is refused", async () => {
  await expectServes(world, await client(), audit);
});

test("the image's own health check finds it well, and a stopped one not", async () => {
  expect(await images.podman("healthcheck", "run", "broker")).toMatchObject({ exitCode: 0 });
  const stopped = ["run", "--rm", "--network=none", ...limits, "actions2aws"];
  const alone = await images.podman(...stopped, "probe", "http://127.0.0.1:9090/healthz");
  expect(alone).toMatchObject({ exitCode: 4, stderr: expect.stringContaining("ECONNREFUSED") });
});

test.for(["broker", "redis"])("%s has no rights, and nothing that it could write", async (name) => {
  const pid = await pidOf(name);
  const status = (await root("cat", `/proc/${pid}/status`)).stdout;
  expect(status).toMatch(/^Uid:\s+65532\s+65532\s+65532\s+65532$/m);
  expect(status).toMatch(/^CapEff:\s+0+$/m);
  expect(status).toMatch(/^CapBnd:\s+0+$/m);
  expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
  const mounts = (await root("cat", `/proc/${pid}/mountinfo`)).stdout.trim().split("\n");
  const writable = mounts
    .map((line) => line.split(" "))
    .filter(([, , , , , options = ""]) => options.split(",").includes("rw"))
    .map(([, , , , point = ""]) => point)
    .filter((point) => !/^\/(?:dev|proc|sys)(?:\/|$)/.test(point));
  const own = name === "broker" ? ["/var/log/actions2aws"] : [];
  // What podman, and not Docker, mounts for itself.
  expect(writable.filter((point) => !/^\/(?:run\/\.containerenv|etc\/)/.test(point))).toEqual(own);
  const bounds = (await root("cat", `/proc/${pid}/limits`)).stdout;
  expect(bounds).toMatch(/^Max core file size +0 +0 /m);
});

test("the audit file is the broker's alone", async () => {
  await (await client()).obtain();
  const { stdout } = await images.podman("volume", "inspect", "audit", "--format={{.Mountpoint}}");
  const folder = stdout.trim();
  const modes = await root("stat", "-c", "%a %u", folder, join(folder, "audit.jsonl"));
  expect(modes.stdout).toBe("700 65532\n600 65532\n");
});

test("it stays below 150 MiB", async () => {
  for (let count = 0; count < 20; count++) await (await client()).obtain();
  const status = (await root("cat", `/proc/${await pidOf("broker")}/status`)).stdout;
  const [, most] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  expect(Number(most) / 1024).toBeLessThan(150);
});

test("it warns of no secret, and shows none", async () => {
  const warned = (await log()).filter(({ level, msg }) => {
    return Number(level) >= 40 && !/AWS's own|GitHub|Redis|store/.test(String(msg));
  });
  expect(warned.map(({ msg }) => msg)).toEqual([expect.stringMatching(/^--listen is open/)]);
  expect(await logOf("broker")).not.toContain("canary");
  for (const name of ["broker", "redis"]) {
    const shown = (await root("cat", `/proc/${await pidOf(name)}/cmdline`)).stdout;
    expect(shown).not.toContain("canary");
    expect(await inspect(name, "json .Config")).not.toContain("canary-password");
  }
});

test("Redis wants its password, and forgets nothing to make room", async () => {
  const options = { retryStrategy: () => null, lazyConnect: true } as const;
  const stranger = new Redis(storePort, "127.0.0.1", options);
  stranger.on("error", () => undefined);
  await expect(stranger.get("key")).rejects.toThrow(/NOAUTH/);
  stranger.disconnect();
  const friend = new Redis(storePort, "127.0.0.1", { ...options, password });
  expect(await friend.config("GET", "maxmemory-policy")).toEqual([
    "maxmemory-policy",
    "noeviction",
  ]);
  // The brokers' claims and counts.
  expect(await friend.dbsize()).toBeGreaterThan(0);
  friend.disconnect();
});

test("SIGHUP brings what was written into its files", async () => {
  const job = await client();
  await expectNotGranted(world, job, "later");
  writeConfig(grantLike("later", {}));
  await images.podman("kill", "--signal=HUP", "broker");
  await vi.waitFor(async () => expect((await log()).map(({ msg }) => msg)).toContain("reloaded"), {
    timeout: 30_000,
    interval: 200,
  });
  await expect(job.obtain({ role: roleOf("later") })).resolves.toBeDefined();
});

// Its image, arguments, user, variables, and secrets as `fsGroup` makes them.
test("as a pod of deploy/kubernetes it starts, is well for kubelet, and stops in order", async () => {
  const { template } = deployment();
  const { securityContext: user, containers } = template.spec;
  const [{ args, env, resources, volumeMounts }] = containers;
  const folder = join(images.folder, "pod");
  mkdirSync(folder);
  const files = env.filter(({ name }) => name.endsWith("_FILE"));
  for (const { value } of files)
    writeFileSync(join(folder, basename(value)), signingKey, { mode: 0o440 });
  await root("chown", "-R", `0:${user.runAsGroup}`, folder);
  const { "broker.yml": text = "" } = manifests().get("ConfigMap")?.data ?? {};
  const mounts: Record<string, string> = { secrets: folder, config: join(images.folder, "map") };
  mkdirSync(mounts.config ?? "");
  writeFileSync(join(mounts.config ?? "", "broker.yml"), text);
  await run(
    ["--name=pod", "--network=none", "--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL"],
    [
      `--user=${user.runAsUser}:${user.runAsGroup}`,
      `--memory=${parseInt(resources.limits.memory, 10)}m`,
      ...env.map(({ name, value }) => `--env=${name}=${value}`),
      ...volumeMounts.map(({ name, mountPath }) => `--volume=${mounts[name]}:${mountPath}:ro`),
      "actions2aws",
      ...args,
    ],
  );
  await untilStarted("pod");
  const asKubelet = ["exec", "pod", "/usr/local/bin/actions2aws", "probe"];
  const well = await images.podman(...asKubelet, "http://127.0.0.1:9090/healthz");
  expect(well).toMatchObject({ exitCode: 0 });
  expect(await logOf("pod")).not.toMatch(/may read this secret|may change the configuration/);
  expect(await images.podman("stop", "--time=30", "pod")).toMatchObject({ exitCode: 0 });
  expect(await inspect("pod", ".State.ExitCode")).toBe("0");
  expect(await logOf("pod")).not.toContain("canary");
});

test("it stops in order", async () => {
  const grace = `--time=${parseInt(broker?.stop_grace_period ?? "", 10)}`;
  expect(await images.podman("stop", grace, "broker")).toMatchObject({ exitCode: 0 });
  expect(await inspect("broker", ".State.ExitCode")).toBe("0");
  expect((await log()).at(-1)).toMatchObject({ msg: "stopped" });
});
