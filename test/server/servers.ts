import { createServer, type RequestListener } from "node:http";
import {
  type AddressInfo,
  connect,
  createServer as createSocketServer,
  type Server,
  type Socket,
} from "node:net";
import { onTestFinished } from "vitest";

/** A real HTTP server on loopback that ends with the test. */
export async function serve(
  handle: RequestListener,
): Promise<{ url: string; count: () => number }> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    handle(request, response);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: await urlOf(server), count: () => requests };
}

/** A server that says what it is told to, byte for byte, whatever it is asked. */
export async function serveBytes(
  say: (socket: Socket, turn: number) => void,
): Promise<{ url: string; count: () => number }> {
  let requests = 0;
  const sockets = new Set<Socket>();
  const server = createSocketServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("data", () => say(socket, requests++));
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: await urlOf(server), count: () => requests };
}

async function urlOf(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Sends bytes as they are and gives what came back until the other side ended. */
export function sendBytes(url: string, bytes: string, withinMs = 15_000): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let answer = "";
    const timer = setTimeout(() => socket.destroy(), withinMs);
    socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
    socket.on("error", reject);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}
