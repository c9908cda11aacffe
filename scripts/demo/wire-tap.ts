import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Exchange {
  path: string;
  sent: string;
  status: number;
  answered: string;
}

/** Stands between job and broker, passes everything on, and keeps what it saw. */
export class WireTap {
  readonly exchanges: Exchange[] = [];
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async before(broker: string): Promise<WireTap> {
    const server = createServer().unref();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const tap = new WireTap(server);
    server.on("request", (asked, answer) => {
      tap.#passOn(broker, asked.url ?? "/", asked)
        .then(({ status, contentType, answered }) => {
          answer.writeHead(status, { "content-type": contentType }).end(answered);
        })
        .catch(() => answer.destroy());
    });
    return tap;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #passOn(
    broker: string,
    path: string,
    asked: NodeJS.ReadableStream,
  ): Promise<{ status: number; contentType: string; answered: string }> {
    const sent = await text(asked);
    const answer = await post(broker + path, sent);
    this.exchanges.push({ path, sent, ...answer });
    return answer;
  }
}

export function post(
  url: string,
  body: string,
): Promise<{ status: number; contentType: string; answered: string }> {
  const headers = { "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: "POST", headers }, (answer) => {
      const { statusCode = 0, headers: given } = answer;
      text(answer).then(
        (answered) =>
          resolve({ status: statusCode, contentType: given["content-type"] ?? "", answered }),
        reject,
      );
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
