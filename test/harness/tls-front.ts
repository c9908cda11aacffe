import { connect, type AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { tls } from "./tls.ts";

/** TLS before a server that speaks plain HTTP, with a certificate for localhost and 127.0.0.1. */
export interface TlsFront {
  readonly port: number;
  /** `https://localhost:PORT` */
  readonly url: string;
  close(): Promise<void>;
}

/** @param target its URL, once somebody comes */
export async function tlsFront(target: () => string): Promise<TlsFront> {
  const open = new Set<TLSSocket>();
  const server = createServer(tls, (socket) => {
    open.add(socket);
    const upstream = connect(Number(new URL(target()).port), "127.0.0.1");
    socket.pipe(upstream).pipe(socket);
    socket.once("close", () => {
      open.delete(socket);
      upstream.destroy();
    });
    for (const end of [socket, upstream]) end.on("error", () => socket.destroy());
  });
  // On all addresses of loopback, so that it can be called by a name that is not its own.
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `https://localhost:${port}`,
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
