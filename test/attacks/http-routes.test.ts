import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { brokerEnvironment } from "../harness/broker.ts";
import { exchange, requestText, statusesIn } from "../harness/connection.ts";
import { configuration } from "../harness/config.ts";
import { program } from "../harness/program.ts";
import { goodRequest } from "../harness/requests.ts";

const publicUrl = "https://broker.example.com/aws";
const bench = useBench({ attacks: true, settings: { public_url: publicUrl } });

/** Sends a request that could be served, in some other way, and sees that it has no effect. */
async function sent(
  target: string,
  how: Parameters<typeof requestText>[2] = {},
): Promise<{ status: string | undefined; answer: string }> {
  const { fields } = await goodRequest(bench());
  const request = requestText(target, JSON.stringify(fields), how);
  const answer = await exchange(bench().broker.url, request);
  return { status: statusesIn(answer)[0], answer };
}

function expectNoEffect(): void {
  expect(bench().records).toEqual([]);
  expect(bench().asked).toEqual([]);
  expect(bench().world.sts.journal).toEqual([]);
}

describe("an address counts as it was sent (H-18):", () => {
  test("these two lead to the credentials", async () => {
    for (const target of ["/v1/credentials", "/aws/v1/credentials"])
      expect(await sent(target)).toMatchObject({ status: "200" });
  });

  test("what a proxy's rule may not know as the same is nothing here", async () => {
    const targets = [
      "//v1/credentials",
      "/v1//credentials",
      "/v1/credentials/",
      "/v1/%63redentials",
      "/v1%2fcredentials",
      "/v1/credentials%2f",
      "/v1/credentials%00",
      "/v1/./credentials",
      "/v1/../v1/credentials",
      "/./v1/credentials",
      "/public/../v1/credentials",
      "/v1\\credentials",
      "/v1/credentials;x",
      "/V1/credentials",
      "/v1/Credentials",
      "/aws//v1/credentials",
      "/AWS/v1/credentials",
      "/aws/aws/v1/credentials",
      "/other/v1/credentials",
      "/v1/credentials.json",
      "http://evil.example/v1/credentials",
      "https://broker.example.com/v1/credentials",
      "http:/v1/credentials",
      "*",
    ];
    const answers = await Promise.all(targets.map((target) => sent(target)));
    for (const { status, answer } of answers) {
      expect(["404", "400"]).toContain(status);
      expect(answer).not.toContain("AGE ENCRYPTED");
    }
    expectNoEffect();
  });

  test("a query is not read, and makes another address", async () => {
    const queries = [
      "?",
      "?x=1",
      "?repository=evil/app",
      "?role=x&run_id=1",
      "?__proto__[x]=1",
      "?_method=GET",
    ];
    for (const { status } of await Promise.all(
      queries.map((query) => sent(`/v1/credentials${query}`)),
    ))
      expect(status).toBe("404");
    expectNoEffect();
  });

  test("another method is refused, whatever a header says of it", async () => {
    const override = [
      "x-http-method-override: POST",
      "x-http-method: POST",
      "x-method-override: POST",
    ];
    const methods = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "QUERY"];
    const answers = await Promise.all(
      methods.map((method) => sent("/v1/credentials", { method, headers: override })),
    );
    for (const { status, answer } of answers) {
      expect(status).toBe("405");
      expect(answer.toLowerCase()).toContain("\r\nallow: post\r\n");
    }
    expect(await sent("/v1/credentials", { method: "TRACE" })).not.toMatchObject({ status: "200" });
    expectNoEffect();
  });

  test("metrics, health and decisions are not on this listener (H-23)", async () => {
    const pages = [
      "/metrics",
      "/healthz",
      "/readyz",
      "/decisions",
      "/admin",
      "/debug/pprof",
      "/json/version",
    ];
    const replies = await Promise.all(
      pages.flatMap((page) => [page, `/aws${page}`]).map((page) => bench().ask(page, {})),
    );
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([404]));
    expect((await bench().ask("/", {})).status).toBe(405);
  });
});

describe("a browser can be made to send nothing that counts (H-16):", () => {
  test("what a form or a script may send without being asked about is 415", async () => {
    const types = [
      "",
      "text/plain",
      "text/plain; application/json",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "text/json",
      "application/json; charset=utf-16",
      "application/json; charset=utf-7",
      "application/json, text/plain",
      "application/json; x=y",
      "application/problem+json",
      "application/jsonx",
    ];
    for (const { status } of await Promise.all(
      types.map((type) => sent("/v1/credentials", { type })),
    ))
      expect(status).toBe("415");
    expectNoEffect();
  });

  test("no page is told that it may send more, or read what comes", async () => {
    const ask = { origin: "https://evil.example" };
    const preflight = {
      ...ask,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type",
      "access-control-request-private-network": "true",
    };
    const replies = await Promise.all([
      bench().ask("/v1/credentials", preflight, { method: "OPTIONS" }),
      bench().ask("/", preflight, { method: "OPTIONS" }),
      bench().ask("/openapi.json", ask),
      bench().ask("/nothing", ask),
      bench().ask(
        "/v1/challenges",
        { ...ask, "content-type": "application/json" },
        { method: "POST", body: "{}" },
      ),
    ]);
    expect(replies.map(({ status }) => status)).toEqual([405, 405, 200, 404, 400]);
    const names = replies.flatMap(({ headers }) => [...headers.keys()]);
    expect(names.filter((name) => /^access-control|^set-cookie/.test(name))).toEqual([]);
  });

  test("a name of its own that leads here makes a page no more than a stranger, and shows it no decisions", async () => {
    const host = "rebound.evil.example";
    const admin = bench().broker.adminUrl;
    for (const target of ["/", "/metrics", "/decisions", "/healthz"]) {
      const answer = await exchange(
        admin,
        requestText(target, "", { method: "GET", host, type: "" }),
      );
      expect([target, ...statusesIn(answer)]).toEqual([target, "421"]);
    }
    const stranger = {
      repository: "acme/app",
      run_id: 1,
      run_attempt: 1,
      job: { id: 1 },
      ticket: "x",
    };
    const { fields } = await goodRequest(bench());
    const body = JSON.stringify({ ...fields, ...stranger });
    const answer = await exchange(
      bench().broker.url,
      requestText("/v1/credentials", body, { host }),
    );
    expect(answer).toContain('"code":"challenge_invalid"');
    expect(bench().world.sts.journal).toEqual([]);
  });
});

describe("where the broker listens (H-26):", () => {
  test("nobody else reaches it, and no admin listener is there, unless the operator says so", async () => {
    const { output } = await started([]);
    // Something else may have the port, and then the broker says which it wanted.
    expect(output).toMatch(/"url":"http:\/\/127\.0\.0\.1:8080"|127\.0\.0\.1:8080/);
    expect(output).not.toContain("admin listening");
    expect(output).not.toMatch(/0\.0\.0\.0|open to other machines/);
  });

  test("open to others it says that it has no TLS", async () => {
    const { output } = await started(["--listen", "0.0.0.0:0", "--admin-listen", "0.0.0.0:0"]);
    expect(output).toMatch(/"level":40.*--listen is open to other machines without TLS/);
    expect(output).toMatch(/"level":40.*--admin-listen is open to other machines/);
  });

  /** Starts another broker, waits until it listens or can't, and ends it. */
  async function started(args: readonly string[]): Promise<{ output: string }> {
    const folder = mkdtempSync(join(tmpdir(), "actions2aws-listen-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const config = join(folder, "broker.yml");
    writeFileSync(config, configuration(bench().world, join(folder, "audit.jsonl"), []));
    const child = spawn(program, ["serve", "--config", config, ...args], {
      env: brokerEnvironment(bench().world),
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.on("data", (chunk: Buffer) => {
      if (chunk.includes('"msg":"listening"')) child.kill("SIGTERM");
    });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { output: stdout + stderr };
  }
});
