import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { vi } from "vitest";
import { certificateFile, keyFile } from "../harness/tls.ts";

const deploy = join(import.meta.dirname, "../../deploy");

/** Where a proxy stands, and before whom. */
export interface ProxyPlace {
  /** A new one, for its files. */
  readonly folder: string;
  readonly port: number;
  /** Two instances, as `HOST:PORT`. */
  readonly upstreams: readonly [string, string];
  /** What the file says of a path in public_url: as it is, or by the lines that stand in its comments. */
  readonly path?: "passed on" | "taken off" | undefined;
}

const files = { nginx: "nginx/actions2aws.conf", caddy: "caddy/Caddyfile" } as const;
/** Writes the file, with nothing but names, addresses and paths replaced; how it is run. */
const prepare = { nginx: prepareNginx, caddy: prepareCaddy } as const;

export type ProxyName = keyof typeof files;
export const proxyNames = Object.keys(files) as ProxyName[];

/** A proxy's process. */
export class Proxy {
  readonly url: string;
  readonly folder: string;
  readonly #process: ChildProcess;
  #output = "";

  private constructor({ port, folder }: ProxyPlace, process: ChildProcess) {
    this.url = `https://127.0.0.1:${port}`;
    this.folder = folder;
    this.#process = process;
    process.once("error", ({ message }) => (this.#output += message));
    for (const stream of [process.stdout, process.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (this.#output += text));
  }

  /** Starts one, and returns when it takes connections. */
  static async start(name: ProxyName, place: ProxyPlace): Promise<Proxy> {
    mkdirSync(place.folder, { recursive: true });
    const [command, ...args] = prepare[name](place);
    const env = { PATH: `${process.env.PATH}:/usr/sbin`, HOME: place.folder };
    const proxy = new Proxy(
      place,
      spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] }),
    );
    await vi.waitFor(() => proxy.#takesConnections(place.port), { timeout: 30_000 });
    return proxy;
  }

  /** What it has written: of nginx its two logs, of Caddy all. */
  get log(): string {
    const logs = ["error.log", "actions2aws.log"].map((log) => join(this.folder, log));
    return this.#output + logs.map(textIn).join("");
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    await exit;
  }

  async #takesConnections(port: number): Promise<void> {
    if (this.#process.exitCode !== null) throw new Error(`it has ended:\n${this.log}`);
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.destroy();
  }
}

/** Debian's nginx. Its own nginx.conf would be in /etc: this one takes the file in as that one does. */
function prepareNginx({ folder, port, upstreams, path }: ProxyPlace): [string, ...string[]] {
  const replaced = replace(deployed("nginx"), [
    ["127.0.0.1:8081", upstreams[0]],
    ["127.0.0.1:8082", upstreams[1]],
    ["listen 443", `listen 127.0.0.1:${port}`],
    ["/etc/nginx/tls/broker.example.com.crt", certificateFile],
    ["/etc/nginx/tls/broker.example.com.key", keyFile],
    ["broker.example.com", "broker.test"],
    ["/var/log/nginx/", `${folder}/`],
  ]);
  const withPath = path ? asCommented(replaced, "  location / {") : replaced;
  const conf =
    path === "taken off" ? asCommented(withPath, "    proxy_pass http://actions2aws;") : withPath;
  writeFileSync(join(folder, "actions2aws.conf"), conf);
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  writeFileSync(
    join(folder, "nginx.conf"),
    `${process.getuid?.() === 0 ? "user root;" : ""}
    worker_processes 2;
    pid ${folder}/nginx.pid;
    error_log ${folder}/error.log info;
    events { worker_connections 4096; }
    http {
      ${kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join("\n      ")}
      include ${folder}/actions2aws.conf;
    }`,
  );
  const [own, log] = [join(folder, "nginx.conf"), join(folder, "error.log")];
  return ["nginx", "-p", folder, "-c", own, "-e", log, "-g", "daemon off;"];
}

/** go install github.com/caddyserver/caddy/v2/cmd/caddy: Debian's is older. */
function prepareCaddy({ folder, port, upstreams, path }: ProxyPlace): [string, ...string[]] {
  const replaced = replace(deployed("caddy"), [
    ["127.0.0.1:8081 127.0.0.1:8082", upstreams.join(" ")],
    ["/etc/caddy/tls/broker.example.com.crt", certificateFile],
    ["/etc/caddy/tls/broker.example.com.key", keyFile],
    ["\nbroker.example.com {", `\nhttps://broker.test:${port} {\n\tbind 127.0.0.1`],
    ["/var/lib/caddy/admin.sock", `${folder}/admin.sock`],
  ]);
  const which = path === "taken off" ? 2 : 1;
  writeFileSync(
    join(folder, "Caddyfile"),
    path ? asCommented(replaced, "\thandle {", which) : replaced,
  );
  return ["caddy", "run", "--config", join(folder, "Caddyfile"), "--adapter", "caddyfile"];
}

/** The file as it is delivered. */
export function deployed(name: ProxyName): string {
  return readFileSync(join(deploy, files[name]), "utf8");
}

/** Each has to be there, once. */
function replace(text: string, pairs: readonly (readonly [string, string])[]): string {
  return pairs.reduce((sofar, [before, after]) => {
    const [head, ...tails] = sofar.split(before);
    if (head === undefined || tails.length !== 1)
      throw new Error(`${before} stands there ${tails.length} times`);
    return head + after + tails[0];
  }, text);
}

/**
 * Puts what a comment offers in place of a line: `# With a path in public_url: location /aws/ {` stands
 * before it.
 *
 * @param which of the comments right before the line, counted from 1
 */
function asCommented(text: string, line: string, which = 1): string {
  const lines = text.split("\n");
  const at = lines.findIndex((it) => it === line);
  let first = at;
  while (/^\s*# (?:With|To) .*: /.test(lines[first - 1] ?? "")) first--;
  const [, offered] = /^\s*# [^:]+: (.+)$/.exec(lines[first + which - 1] ?? "") ?? [];
  if (at < 0 || first + which > at || offered === undefined)
    throw new Error(`nothing is offered in place of ${line}`);
  return lines.with(at, (/^\s*/.exec(line)?.[0] ?? "") + offered).join("\n");
}

function textIn(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
