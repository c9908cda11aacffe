import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { ServerResponse } from "node:http";
import { tls } from "./tls.ts";

/** What stands behind an address: a file, or whatever else a server may do. */
export type Answer = Buffer | string | ((response: ServerResponse) => void);

/**
 * Where releases are downloaded, over TLS on loopback: as on GitHub, the newest one's address leads to
 * its page, and a file's to a storage elsewhere.
 */
export class ReleaseServer {
  /** The paths that were asked for, in order. */
  readonly asked: string[] = [];
  /** By file, of the one release. */
  readonly files = new Map<string, Answer>();
  readonly tag: string;
  readonly #server: Server;
  readonly #release: string;

  private constructor(repository: string, tag: string) {
    this.tag = tag;
    this.#release = `/${repository}/releases`;
    this.#server = createServer(tls, ({ url = "" }, response) => {
      this.asked.push(url);
      this.#answer(url, response);
    });
  }

  static async start(repository: string, tag: string): Promise<ReleaseServer> {
    const made = new ReleaseServer(repository, tag);
    await new Promise<void>((resolve) => made.#server.listen(0, "127.0.0.1", resolve));
    return made;
  }

  get url(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  #answer(path: string, response: ServerResponse): void {
    const download = `${this.#release}/download/${this.tag}/`;
    const name = path.split("/").at(-1) ?? "";
    if (path === `${this.#release}/latest`)
      redirect(response, `${this.url}${this.#release}/tag/${this.tag}`);
    else if (path.startsWith(download) && this.files.has(name))
      redirect(response, `${this.url}/storage/${name}`);
    else if (path.startsWith("/storage/")) send(response, this.files.get(name));
    else response.writeHead(404).end();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function redirect(response: ServerResponse, location: string): void {
  response.writeHead(302, { location }).end();
}

function send(response: ServerResponse, answer: Answer | undefined): void {
  if (typeof answer === "function") answer(response);
  else response.writeHead(200).end(answer);
}
