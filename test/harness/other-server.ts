import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A server that is none of those that the broker is configured with. */
export interface OtherServer {
  readonly port: number;
  /** Who has come to its door, whether they said something that it understands or not. */
  connections: number;
  readonly asked: { readonly path: string; readonly headers: IncomingHttpHeaders }[];
}

/** Starts one, reachable by every address of this machine; it says the same to all. */
export async function otherServer(text = "canary"): Promise<OtherServer> {
  const server = createServer((request, response) => {
    other.asked.push({ path: request.url ?? "", headers: request.headers });
    response.end(text);
  });
  server.on("connection", () => other.connections++);
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  const other: OtherServer = {
    port: (server.address() as AddressInfo).port,
    connections: 0,
    asked: [],
  };
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return other;
}
