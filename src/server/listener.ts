import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";

export interface Listening {
  url: string;
  /** Takes no new requests, finishes those under way, and ends what is left after the time. */
  stop(withinMs: number): Promise<void>;
}

/** Small, since a request is small: what takes longer or is larger is no client of ours (H-17). */
const bounds = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  // Longer than a load balancer keeps an idle connection, which would else send into a closed one.
  keepAliveTimeout: 70_000,
  connectionsCheckingInterval: 2_000,
};
const maxConnections = 2_000;

/**
 * @param address `HOST:PORT`; port 0 picks one, IPv6 hosts stand in brackets
 * @throws {NodeJS.ErrnoException} when the address can't be had
 */
export async function listen(
  app: { fetch: Parameters<typeof getRequestListener>[0] },
  address: { host: string; port: number },
): Promise<Listening> {
  const handle = getRequestListener(app.fetch);
  const underway = new Set<ServerResponse>();
  const refused = new WeakSet<Socket>();
  let stopping = false;
  const server = createServer(
    // Node would refuse that request alone, and carry out what comes behind it.
    { ...bounds, requireHostHeader: false },
    (request: IncomingMessage, response) => {
      if (refused.has(request.socket)) return;
      if (!hasOneHost(request)) {
        refused.add(request.socket);
        response.writeHead(400, { connection: "close", "content-length": 0 }).end();
        return;
      }
      underway.add(response);
      response.once("close", () => underway.delete(response));
      if (stopping) response.setHeader("connection", "close");
      void handle(request, response);
    },
  );
  server.maxConnections = maxConnections;
  server.on("clientError", refuseConnection);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(address.port, address.host, resolve);
  });
  return {
    url: urlOf(server),
    async stop(withinMs) {
      stopping = true;
      // A connection that is kept after its answer would hold the stop up until it is idle for long (F-15).
      for (const response of underway) {
        if (!response.headersSent) response.setHeader("connection", "close");
      }
      await closed(server, withinMs);
    },
  };
}

/** HTTP/1.1 wants exactly one; a proxy may go by another of them than we do (H-08). */
function hasOneHost({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.filter((name, at) => at % 2 === 0 && /^host$/i.test(name)).length === 1;
}

/** What is not HTTP gets a plain answer and no second chance on the connection (H-08). */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const status =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

async function closed(server: Server, withinMs: number): Promise<void> {
  const done = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), withinMs);
  await done;
  clearTimeout(timer);
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
