import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished, expect, test } from "vitest";
import { type Proxy, proxyFor, proxyNotice } from "../../src/cli/proxy.ts";
import { actions2aws } from "./launcher.ts";
import { recordingProxy } from "../harness/recording-proxy.ts";
import { goodCredentials, scriptedBroker } from "../harness/scripted-broker.ts";
import { certificateFile, tls } from "../harness/tls.ts";
import { jobEnvironment, temporaryFolder } from "./test-host.ts";

const role = "arn:aws:iam::123456789012:role/deploy";

function requestFrom(url: string, env: Record<string, string>, timeout = "20s") {
  const args = ["request", "--url", url, "--role", role, "--format", "json", "--timeout", timeout];
  return actions2aws(args, { ...jobEnvironment(temporaryFolder()), ...env });
}

test.each(["HTTPS_PROXY", "https_proxy"])(
  "https goes through %s as CONNECT, and nothing else does (C-10)",
  async (name) => {
    const broker = await scriptedBroker({}, tls);
    const proxy = await recordingProxy(broker.port);
    const env = { [name]: proxy.url, NODE_EXTRA_CA_CERTS: certificateFile };
    const { code, out, err } = await requestFrom("https://broker.test/base", env);
    expect({ code, err }).toMatchObject({
      code: 0,
      err: expect.stringContaining(`asked through ${new URL(proxy.url).host}`),
    });
    expect(JSON.parse(out)).toMatchObject({ AWS_ACCESS_KEY_ID: goodCredentials.AccessKeyId });
    expect(proxy.seen).toEqual(["CONNECT broker.test:443"]);
    expect(broker.journal.map(({ path }) => path)).toEqual([
      "/base/v1/challenges",
      "/base/v1/credentials",
    ]);
  },
);

test("NO_PROXY keeps the proxy out", async () => {
  const proxy = await recordingProxy(1);
  const env = { HTTPS_PROXY: proxy.url, NO_PROXY: "broker.test" };
  const { code } = await requestFrom("https://broker.test:1", env, "1s");
  expect(code).toBe(4);
  expect(proxy.seen).toEqual([]);
});

test("loopback is never led through a proxy, neither http nor https", async () => {
  const plain = await scriptedBroker();
  const secure = await scriptedBroker({}, tls);
  const proxy = await recordingProxy(1);
  const env = {
    HTTP_PROXY: proxy.url,
    HTTPS_PROXY: proxy.url,
    http_proxy: proxy.url,
    NODE_USE_ENV_PROXY: "1",
    NODE_EXTRA_CA_CERTS: certificateFile,
  };
  expect((await requestFrom(plain.url, env)).code).toBe(0);
  expect((await requestFrom(`https://localhost:${secure.port}`, env)).code).toBe(0);
  expect(proxy.seen).toEqual([]);
});

test("a certificate that nobody vouches for ends it at once", async () => {
  const broker = await scriptedBroker({}, tls);
  const { code, out, err } = await requestFrom(`https://127.0.0.1:${broker.port}`, {});
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toMatch(/certificate is not accepted \([A-Z_]+\).*NODE_EXTRA_CA_CERTS/);
  expect(broker.journal).toEqual([]);
});

test("a certificate for another name does so too", async () => {
  const broker = await scriptedBroker({}, tls);
  const proxy = await recordingProxy(broker.port);
  const env = { HTTPS_PROXY: proxy.url, NODE_EXTRA_CA_CERTS: certificateFile };
  const { code, err } = await requestFrom("https://other.test", env);
  expect(code).toBe(1);
  expect(err).toMatch(/certificate is not accepted/);
});

test("a proxy that refuses leaves the broker unreachable", async () => {
  const server = createServer();
  server.on("connect", (_request, client) =>
    client.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const env = {
    HTTPS_PROXY: `http://user:s3cret@127.0.0.1:${(server.address() as AddressInfo).port}`,
  };
  const { code, err } = await requestFrom("https://broker.test", env, "1s");
  expect(code).toBe(4);
  expect(err).toContain("cannot be reached");
  expect(err).not.toContain("s3cret");
});

const address = new URL("https://broker.example.com");

test.each<[Record<string, string>, Proxy | null]>([
  [{}, null],
  [{ HTTPS_PROXY: "" }, null],
  [{ HTTP_PROXY: "http://p:1", ALL_PROXY: "http://p:1" }, null],
  [{ HTTPS_PROXY: "http://p:1" }, { HTTPS_PROXY: "http://p:1", NO_PROXY: "" }],
  [
    { HTTPS_PROXY: "p.example:3128", no_proxy: "x" },
    { HTTPS_PROXY: "http://p.example:3128", NO_PROXY: "x" },
  ],
  [
    { HTTPS_PROXY: "http://upper:1", https_proxy: "https://lower:1" },
    { HTTPS_PROXY: "https://lower:1", NO_PROXY: "" },
  ],
])("the proxy of %j", (env, proxy) => {
  expect(proxyFor(address, env)).toEqual(proxy);
  expect(proxyFor(new URL("https://127.0.0.1"), env)).toBeNull();
});

test.each(["socks5://p:1", "http://", "http:///x", "http://p:99999", "file:///x"])(
  "%s is told to be no proxy",
  (text) => {
    expect(() => proxyFor(address, { HTTPS_PROXY: text })).toThrow(/HTTPS_PROXY/);
  },
);

test("the notice names the proxy, not its password", () => {
  const notice = proxyNotice({ HTTPS_PROXY: "http://user:s3cret@p.example:3128", NO_PROXY: "" });
  expect(notice).toContain("p.example:3128");
  expect(notice).not.toContain("s3cret");
});
