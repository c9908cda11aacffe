import { describe, expect, test } from "vitest";
import { Secret } from "../../../src/core/secret.ts";
import { GitHubSession } from "../../../src/server/github/session.ts";
import { isLoopback } from "../../../src/core/loopback.ts";
import { readStoredLog } from "../../../src/server/github/stored-log.ts";
import { type Answer, type Call, Network } from "../../../src/server/network.ts";
import { code } from "../../core/golden.ts";

/** github.com itself can't be had on loopback: what would be asked of it is written down instead. */
class Wire extends Network {
  readonly calls: Call[] = [];
  readonly #location: string;

  constructor(location: string) {
    super();
    this.#location = location;
  }

  override call(call: Call): Promise<Answer> {
    this.calls.push(call);
    const first = this.calls.length === 1;
    const headers: Answer["headers"] = first
      ? { location: this.#location }
      : { "content-type": "text/plain" };
    return Promise.resolve({ status: first ? 302 : 200, headers, body: "log" });
  }
}

async function read(location: string): Promise<{ calls: Call[]; text: Promise<string | null> }> {
  const network = new Wire(location);
  const session = new GitHubSession({
    webUrl: "https://github.com",
    session: () => new Secret("canary"),
    network,
  });
  const address = {
    repository: "acme/app",
    runId: 1,
    runAttempt: 1,
    jobId: 7,
    headSha: "f".repeat(40),
  };
  const text = readStoredLog(session, network, address, 2);
  await text.catch(() => undefined);
  return { calls: network.calls, text };
}

describe("H-19: a log that github.com says is stored elsewhere", () => {
  test.each([
    "https://results.blob.core.windows.net/x?sig=1",
    "https://pipelines.actions.githubusercontent.com/y",
    "https://github.com/z",
  ])("is fetched from %s, without the cookie", async (location) => {
    const { calls, text } = await read(location);
    expect(await text).toBe("log");
    expect(calls.map(({ url }) => url)).toEqual([
      `https://github.com/acme/app/commit/${"f".repeat(40)}/checks/7/logs/2`,
      location,
    ]);
    expect(calls[0]?.headers).toMatchObject({ cookie: "user_session=canary" });
    expect(JSON.stringify(calls[1])).not.toContain("canary");
  });

  test.each([
    "http://results.blob.core.windows.net/x",
    "https://169.254.169.254/latest/meta-data",
    "https://127.0.0.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://10.0.0.1:8443/",
    "https://localhost/",
    "https://localhost./",
    "https://x.localhost/",
    "https://user@storage.example.com/",
    "https://github.com@evil.example.com/",
    "file:///etc/passwd",
    "ftp://storage.example.com/",
    "javascript:alert(1)",
    "https://",
  ])("is not fetched from %s", async (location) => {
    const { calls, text } = await read(location);
    await expect(text).rejects.toThrow(code("github_unavailable"));
    expect(calls).toHaveLength(1);
  });
});

test.each([
  ["localhost", true],
  ["127.0.0.1", true],
  ["127.255.0.9", true],
  ["[::1]", true],
  ["127.0.0.1.evil.com", false],
  ["localhost.evil.com", false],
  ["evil.com", false],
  ["0.0.0.0", false],
  ["128.0.0.1", false],
])("%s is loopback: %j", (hostname, expected) => {
  expect(isLoopback(hostname)).toBe(expected);
});
