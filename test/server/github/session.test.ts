import { describe, expect, test } from "vitest";
import { Secret } from "../../../src/core/secret.ts";
import { GitHubSession } from "../../../src/server/github/session.ts";
import { code } from "../../core/golden.ts";
import { openGitHub } from "./parts.ts";

async function open(): Promise<{ session: GitHubSession; asked: () => string[] }> {
  const { github, network } = await openGitHub();
  const session = new GitHubSession({
    webUrl: github.webUrl,
    session: () => new Secret("canary"),
    network,
  });
  return { session, asked: () => github.journal.map(({ path }) => path) };
}

describe("H-01, F-01: an address that would come out other than it was built is not asked for", () => {
  test.each([
    "/acme/../evil",
    "/acme/%2e%2e/evil",
    "/acme\\evil",
    "//evil.example.com/x",
    "/a\tb",
    "/a b",
    "/a#b",
    "https://evil.example.com/",
    "acme/app",
    "/ä",
    "",
  ])("%j", async (path) => {
    const { session, asked } = await open();
    await expect(session.get(path, "text/html", 1_000)).rejects.toThrow(code("invalid_request"));
    expect(asked()).toEqual([]);
  });

  test.each(["/acme/app", "/acme/app/x?change_id=0", "/a/%C3%A4"])(
    "but %s is, as it is",
    async (path) => {
      const { session, asked } = await open();
      await session.get(path, "text/html", 1_000);
      expect(asked()).toEqual([path]);
    },
  );
});
