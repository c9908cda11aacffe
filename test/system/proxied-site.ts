import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from "vitest";
import { type AuditRecord, Broker, type LogLine, signingKey } from "../harness/broker.ts";
import { madeBy } from "../harness/challenges.ts";
import { expectAllIssuedRecorded, expectNoLeak, expectOneRecordEach } from "../harness/checks.ts";
import { Client } from "../harness/client.ts";
import { configuration, grantLike, role, roleOf, wideLimits } from "../harness/config.ts";
import { Connection } from "../harness/connection.ts";
import { Job, type Step } from "../harness/job.ts";
import { recordingProxy } from "../harness/recording-proxy.ts";
import { certificateFile, tls } from "../harness/tls.ts";
import { type Repository, startWorld, type World } from "../world/index.ts";
import { type Backend, backends, freePort } from "./backends.ts";
import { Proxy, type ProxyName, type ProxyPlace } from "./proxies.ts";

/** How jobs reach the site: by the name in its certificate, whatever port it has. */
const host = "broker.test";

export interface SiteOptions {
  /** Of public_url, with what the proxy does about it. */
  readonly path?: { readonly is: string; readonly proxy: ProxyPlace["path"] };
  /** More of the configuration. */
  readonly settings?: object;
  /** A Redis between the instances; without it each has its own memory. */
  readonly shared?: boolean;
}

export interface Http2Request {
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface StepAt {
  /** Where the runner is. */
  readonly from?: string;
  readonly job?: Job;
  readonly env?: Readonly<Record<string, string>>;
}

/** What a site is made of, and what it may be asked. */
interface Parts {
  readonly world: World;
  readonly folder: string;
  readonly backend: Backend | undefined;
  readonly brokers: [Broker, Broker];
  readonly proxy: Proxy;
}

/** Two instances of the broker behind a proxy, as an operator would have them, and jobs that reach them through it alone. */
export class Site {
  readonly world: World;
  readonly proxy: Proxy;
  readonly brokers: [Broker, Broker];
  readonly url: string;
  readonly #options: SiteOptions;
  readonly #parts: Parts;
  readonly #repository: Repository;
  /** How many requests of this test came again and got the answer of the first, all at one instance. */
  repeated = 0;
  #jobs: Job[] = [];
  #since = [{ log: 0, audit: 0 }];

  private constructor(parts: Parts, options: SiteOptions) {
    this.world = parts.world;
    this.proxy = parts.proxy;
    this.brokers = parts.brokers;
    this.#parts = parts;
    this.#options = options;
    this.#repository = parts.world.github.golden().repository;
    this.url = `https://${host}${options.path?.is ?? ""}`;
  }

  static async start(name: ProxyName, options: SiteOptions = {}): Promise<Site> {
    const backend = options.shared ? await backends.redis?.() : undefined;
    await backend?.start();
    const world = await startWorld();
    const folder = mkdtempSync(join(tmpdir(), "actions2aws-proxied-"));
    const [one, two] = await Promise.all(
      ["one", "two"].map((instance) => {
        const files = filesOf(folder, instance);
        writeFileSync(files.config, configOf(world, files.audit, options, backend));
        return Broker.start(world, files);
      }),
    );
    if (!one || !two) throw new Error("two instances");
    const proxy = await Proxy.start(name, {
      folder: join(folder, name),
      port: await freePort(),
      upstreams: [new URL(one.url).host, new URL(two.url).host],
      path: options.path?.proxy,
    });
    return new Site({ world, folder, backend, brokers: [one, two], proxy }, options);
  }

  /** Other settings, or other ones than those at the start, put in force by SIGHUP. */
  async configure(settings: object): Promise<void> {
    const { world, backend } = this.#parts;
    for (const { files } of this.brokers) {
      const options = { ...this.#options, settings: { ...this.#options.settings, ...settings } };
      writeFileSync(files.config, configOf(world, files.audit, options, backend));
    }
    const before = this.brokers.map((broker) => reloads(broker));
    for (const broker of this.brokers) broker.kill("SIGHUP");
    await vi.waitFor(
      () => {
        const after = this.brokers.map((broker) => reloads(broker));
        expect(after).toEqual(before.map((count) => count + 1));
      },
      { timeout: 20_000 },
    );
  }

  /** A process in the place of one that has ended: same port, files and signing key. */
  async revive(at: 0 | 1): Promise<void> {
    const { files, port, running } = this.brokers[at];
    expect(running).toBe(false);
    const listen = `127.0.0.1:${port}`;
    this.brokers[at] = await Broker.start(this.world, files, { listen });
  }

  newJob(): Job {
    const { github } = this.world;
    const job = github.addJob(github.addRun(this.#repository));
    const made = new Job(this.world, job, join(this.#parts.folder, `job-${job.id}`));
    this.#jobs.push(made);
    return made;
  }

  /** A job's step that asks for credentials, as a workflow has it, with the packaged client. */
  async obtain(proof: "log" | "oidc", how: StepAt = {}): Promise<Step> {
    const { from, job = this.newJob(), env } = how;
    const way = await recordingProxy(Number(new URL(this.proxy.url).port), from);
    const asked = proof === "log" ? role : roleOf("by-token");
    return job.run(
      "assume role",
      `eval $(actions2aws request --url ${this.url} --role ${asked} --proof ${proof})
env > "$RUNNER_TEMP/seen"`,
      {
        env: {
          HTTPS_PROXY: way.url,
          NODE_EXTRA_CA_CERTS: certificateFile,
          // On a machine that is busy, a broker may take long to start.
          ACTIONS2AWS_TIMEOUT: "5m",
          ...env,
        },
        idToken: proof === "oidc",
      },
    );
  }

  /** A connection to the proxy that says what no client of ours would. */
  connection(from = "127.0.0.1"): Connection {
    return new Connection(this.proxy.url, connectTls(this.#tls(from)));
  }

  /** Sends requests over one connection of HTTP/2, at once; resolves with their statuses. */
  async statusesByHttp2(requests: readonly Http2Request[], from = "127.0.0.1"): Promise<number[]> {
    const socket = connectTls({ ...this.#tls(from), ALPNProtocols: ["h2"] });
    const session = connectHttp2(this.url, { createConnection: () => socket });
    try {
      return await Promise.all(
        requests.map(async ({ text, headers }) => {
          const stream = session.request({
            ":method": "POST",
            ":path": "/v1/credentials",
            "content-type": "application/json",
            ...headers,
          });
          stream.end(text);
          const answered = once(stream, "response") as Promise<[{ ":status": number }]>;
          const [{ ":status": status }] = await answered;
          stream.resume();
          return status;
        }),
      );
    } finally {
      session.destroy();
    }
  }

  #tls(from: string): ConnectionOptions {
    const port = Number(new URL(this.proxy.url).port);
    const socket = connect({ host: "127.0.0.1", port, localAddress: from });
    return { socket, servername: host, ca: tls.cert };
  }

  /** A request that the broker would serve, once: its job has announced the key. */
  async goodBody(): Promise<{ readonly text: string; readonly job: Job }> {
    const job = this.newJob();
    this.world.github.addStep(job.job);
    const client = await Client.of(this.world, this.url, job.job);
    const challenge = madeBy(signingKey, this.world, job.job, client.publicKey, Date.now());
    client.announce(challenge);
    const { ticket } = challenge;
    return { text: JSON.stringify({ ...client.who, role, ticket }), job };
  }

  /** What both instances have recorded in this test. */
  get records(): AuditRecord[] {
    return this.brokers.flatMap(({ audit }, at) => audit.slice(this.#since[at]?.audit));
  }

  /** What both instances have said in this test of the requests that they took. */
  get told(): LogLine[] {
    const lines = this.brokers.flatMap(({ log }, at) => log.slice(this.#since[at]?.log));
    return lines.filter(({ request_id: id }) => id !== undefined);
  }

  /** Forgets what came before. */
  begin(): void {
    this.#jobs = [];
    this.repeated = 0;
    this.world.sts.clearJournal();
    this.world.github.clearJournal();
    this.#since = this.brokers.map(({ log, audit }) => ({
      log: log.length,
      audit: audit.length,
    }));
  }

  /** What holds after each test in which no instance has been replaced. */
  async check(): Promise<void> {
    for (const [at, broker] of this.brokers.entries()) {
      const since = this.#since[at] ?? { log: 0, audit: 0 };
      const repeated = broker.audit.length > since.audit ? this.repeated : 0;
      await expectOneRecordEach(broker, since, repeated);
    }
    expectAllIssuedRecorded(this.world, this.records, 0);
    this.expectSecretsKept();
  }

  /** No secret in what brokers, jobs and the proxy have written, and no token, which has no canary in it. */
  expectSecretsKept(): void {
    for (const broker of this.brokers)
      expectNoLeak(broker, JSON.stringify(broker.audit), this.#jobs);
    const { log } = this.proxy;
    expect(log).not.toMatch(/canary|eyJ[\w-]+\.|AGE ENCRYPTED|public_key/);
  }

  async stop(): Promise<void> {
    const { world, backend, folder } = this.#parts;
    await this.proxy.stop();
    const running = this.brokers.filter((broker) => broker.running);
    const exits = await Promise.all(running.map((broker) => broker.stop()));
    await world.close();
    await backend?.remove();
    rmSync(folder, { recursive: true, force: true });
    expect(exits.filter((code) => code !== 0)).toEqual([]);
  }
}

/** One site for the tests of a block. */
export function useSite(name: ProxyName, options: SiteOptions = {}): () => Site {
  let site: Site | undefined;
  const get = (): Site => {
    if (site === undefined) throw new Error("the site is ready in tests only");
    return site;
  };
  beforeAll(async () => {
    site = await Site.start(name, options);
  }, 120_000);
  beforeEach(() => get().begin());
  afterEach(async () => get().check());
  afterAll(async () => site?.stop());
  return get;
}

function filesOf(folder: string, name: string): { config: string; audit: string } {
  return { config: join(folder, `${name}.yml`), audit: join(folder, `${name}.jsonl`) };
}

function configOf(
  world: World,
  audit: string,
  { path, settings }: SiteOptions,
  backend: Backend | undefined,
): string {
  return configuration(world, audit, [grantLike("by-token", { proof: "oidc", job: undefined })], {
    public_url: `https://${host}${path?.is ?? ""}`,
    trusted_proxies: ["127.0.0.1"],
    ...wideLimits,
    ...(backend && { store: backend.setting }),
    ...settings,
  });
}

function reloads({ log }: Broker): number {
  return log.filter(({ msg }) => msg === "reloaded").length;
}
