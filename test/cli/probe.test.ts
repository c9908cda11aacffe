import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { probe } from "../../src/cli/probe.ts";

/** @returns the address of a server on loopback */
async function answering(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/healthz`;
}

test("a broker that answers 200 is well, and is asked for what the address says", async () => {
  const asked: string[] = [];
  const url = await answering((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.host}`);
    response.end("{}");
  });
  await expect(probe(url)).resolves.toBe(0);
  expect(asked).toEqual([`GET /healthz ${new URL(url).host}`]);
});

test.for([503, 421, 302, 204])("one that answers %i is not", async (status) => {
  const url = await answering((_request, response) => {
    response.writeHead(status, { location: "/elsewhere" }).end();
  });
  await expect(probe(url)).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining(String(status)),
  });
});

test("one that is not there does not answer", async () => {
  await expect(probe("http://127.0.0.1:1/healthz")).rejects.toMatchObject({
    exitCode: 4,
    message: expect.stringContaining("ECONNREFUSED"),
  });
});

test("one that hangs is given up in seconds", async () => {
  const url = await answering(() => undefined);
  await expect(probe(url)).rejects.toMatchObject({
    exitCode: 4,
    message: expect.stringContaining("out of time"),
  });
});

test.for([
  "https://127.0.0.1:9090/healthz",
  "http://broker.example.com/healthz",
  "http://127.0.0.1.example.com/",
  "http://10.0.0.1:9090/healthz",
  "127.0.0.1:9090",
  "",
])("is for this machine's plain http alone: %s", async (url) => {
  await expect(probe(url)).rejects.toMatchObject({ exitCode: 2 });
});
