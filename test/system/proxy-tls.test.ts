import { describe, expect, test } from "vitest";
import { exchange, requestText, statusesIn } from "../harness/connection.ts";
import { type Site, useSite } from "./proxied-site.ts";
import { ask } from "../world/ask.ts";
import { deployed, proxyNames } from "./proxies.ts";

/** The job's step got what STS gave, and the record says where it came from. */
async function expectServed(site: Site, proof: "log" | "oidc", from: string): Promise<void> {
  const job = site.newJob();
  const { exitCode, stderr } = await site.obtain(proof, { from, job });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.not.stringMatching(/again/) });
  expect(job.seen("seen").AWS_ACCESS_KEY_ID).toBe(site.world.sts.issued[0]?.accessKeyId);
  expect(site.world.sts.issued).toHaveLength(1);
  expect(site.records).toMatchObject([{ decision: "allowed", proof, client_address: from }]);
}

function secondsIn(text: string, pattern: RegExp): number {
  const [, seconds] = pattern.exec(text) ?? [];
  return Number(seconds ?? expect.unreachable(String(pattern)));
}

describe.each(proxyNames)("%s", (name) => {
  describe("as it is delivered:", () => {
    const site = useSite(name);

    test.each(["log", "oidc"] as const)(
      "a job proves itself through TLS, by %s, with the packaged client",
      (proof) => expectServed(site(), proof, "127.0.0.7"),
    );

    test("its times fit: it gives up after the broker has, and ends what it keeps before the broker does", async () => {
      const [broker] = site().brokers;
      const kept = (await ask(`${broker.url}/openapi.json`)).headers.get("keep-alive");
      const idle = secondsIn(deployed(name), /^\s*keepalive(?:_timeout)? (\d+)s/m);
      expect(idle).toBeLessThan(secondsIn(String(kept), /^timeout=(\d+)$/));
      const patience = /^\s*(?:proxy_read_timeout|response_header_timeout) (\d+)s/m;
      const seconds = secondsIn(deployed(name), patience);
      // 8 of waiting for the line and 12 for AWS; then the client asks again, after 30.
      expect(seconds).toBeGreaterThan(8 + 12);
      expect(seconds).toBeLessThan(30);
    });

    test("a client that does not know its certificate sends nothing", async () => {
      const step = await site().obtain("log", { env: { NODE_EXTRA_CA_CERTS: "" } });
      expect(step.stderr).toMatch(/certificate is not accepted \(\w+\): check --url/);
      expect(step.exitCode).toBe(1);
      expect(site().records).toEqual([]);
    });

    test("HTTP/2: twenty requests at once over one connection", async () => {
      const bodies = await Promise.all(Array.from({ length: 20 }, () => site().goodBody()));
      const statuses = await site().statusesByHttp2(bodies.map(({ text }) => ({ text })));
      expect(new Set(statuses)).toEqual(new Set([200]));
      expect(site().world.sts.issued).toHaveLength(20);
    });

    test("what it answers for the broker is the broker's, which no cache may keep", async () => {
      const { text } = await site().goodBody();
      const request = requestText("/v1/credentials", text, { host: "broker.test" });
      const answer = await exchange(site().connection(), request);
      expect(statusesIn(answer)).toEqual(["200"]);
      expect(answer).toMatch(/^cache-control: no-store\r$/im);
      expect(answer).not.toMatch(/^(?:content-encoding|set-cookie|x-cache)/im);
      // Asked again at its other instance it would be turned away; asked here it is the same answer.
      site().repeated = 1;
      const again = await exchange(site().connection(), request);
      expect(again.slice(again.indexOf("{"))).toBe(answer.slice(answer.indexOf("{")));
      expect(site().world.sts.issued).toHaveLength(1);
    });
  });

  describe.each(["passed on", "taken off"] as const)("with a path that is %s:", (proxy) => {
    const site = useSite(name, { path: { is: "/aws", proxy } });

    test.each(["log", "oidc"] as const)("a job proves itself by %s", (proof) =>
      expectServed(site(), proof, "127.0.0.8"),
    );

    test("nothing is answered beside that path, nor by a detour", async () => {
      const { text } = await site().goodBody();
      const paths = ["/v1/credentials", "/awsv1/credentials", "/aws/../v1/credentials", "/x"];
      const statusOf = async (path: string): Promise<string> => {
        const request = requestText(path, text, { host: "broker.test" });
        return statusesIn(await exchange(site().connection(), request)).join();
      };
      expect(await Promise.all(paths.map(statusOf))).toEqual(paths.map(() => "404"));
      expect(site().records).toEqual([]);
      expect(await statusOf("/aws/v1/credentials")).toBe("200");
      const seen = proxy === "passed on" ? "/aws/v1/credentials" : "/v1/credentials";
      expect(site().told).toMatchObject([{ msg: "answered", path: seen }]);
    });
  });
});
