import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { role } from "../harness/config.ts";
import { bodyOf, goodRequest, send } from "../harness/requests.ts";

const bench = useBench({ attacks: true });

test("no cache may keep an answer, whatever it says (H-21)", async () => {
  const { fields } = await goodRequest(bench());
  const { role: _role, ticket: _ticket, ...challenge } = fields;
  const replies = await Promise.all([
    send(bench(), "/v1/challenges", challenge),
    send(bench(), "/v1/credentials", fields),
    send(bench(), "/v1/credentials", { ...fields, ticket: "x" }),
    send(bench(), "/v1/renewals", { renewal_token: "x" }),
    send(bench(), "/", {}),
    send(bench(), "/v1/challenges", "x".repeat(40_000)),
    bench().ask("/v1/challenges", {}),
    bench().ask("/v1/challenges", {}, { method: "POST", body: "{}" }),
    bench().ask("/nothing", {}),
  ]);
  expect(replies.map(({ status }) => status)).toEqual([
    201, 200, 403, 403, 400, 413, 405, 415, 404,
  ]);
  for (const { headers } of replies) {
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("etag")).toBeNull();
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  }
  // Each has an id of its own: two answers that are the same would be one that was kept.
  const ids = replies.flatMap((reply) => bodyOf(reply).request_id ?? []);
  expect(new Set(ids).size).toBe(replies.length - 1);
});

/** A proxy that keeps answers all the same: the first to each of these paths is the answer for all. */
async function disobedientCache(paths: readonly string[]): Promise<string> {
  const kept = new Map<string, { status: number; body: string }>();
  const server = createServer((request, response) => {
    void (async () => {
      const path = request.url ?? "";
      const body = await text(request);
      const known = kept.get(path);
      const answer = known ?? (await send(bench(), path, body));
      const made = { status: answer.status, body: "body" in answer ? answer.body : answer.text };
      if (paths.includes(path) && made.status < 300) kept.set(path, made);
      response.writeHead(made.status, { "content-type": "application/json" }).end(made.body);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("what a cache that disobeys gives to another job is of no use there (H-21):", () => {
  test.for([
    ["a challenge", "/v1/challenges"],
    ["credentials", "/v1/credentials"],
  ] as const)("%s", async ([, path]) => {
    const url = await disobedientCache([path]);
    const command = `actions2aws request --url ${url} --role ${role} --timeout 10s`;
    const first = await bench().newJob().run("assume role", `eval $(${command})`);
    expect(first.exitCode).toBe(0);
    const second = await bench().newJob().run("assume role", command);
    expect(second).toMatchObject({ exitCode: 1, stdout: "false\n" });
    expect(second.stderr).toContain("cannot be opened with this identity");
    expect(bench().world.sts.assumed).toHaveLength(1);
  });
});
