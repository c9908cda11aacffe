import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { onTestFinished } from "vitest";

export interface RecordingProxy {
  readonly url: string;
  /** The first line of every request. */
  readonly seen: readonly string[];
  /** All that callers sent through it, one text a tunnel, byte for byte. */
  readonly sent: readonly string[];
}

/**
 * Notes the first line of everything, and leads each CONNECT to the one port.
 *
 * @param from the address of loopback that its tunnels come from
 */
export async function recordingProxy(port: number, from = "127.0.0.1"): Promise<RecordingProxy> {
  const seen: string[] = [];
  const sent: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.writeHead(502).end();
  });
  server.on("connect", (request, client, head) => {
    seen.push(`CONNECT ${request.url}`);
    const tunnel = sent.push(head.toString("latin1")) - 1;
    client.on("data", (bytes: Buffer) => (sent[tunnel] += bytes.toString("latin1")));
    const upstream = connect({ port, host: "127.0.0.1", localAddress: from }, () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on("error", () => client.destroy());
    client.on("error", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, sent };
}
