import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Fault } from "../world/index.ts";
import { OperatedProgram } from "../harness/operated-program.ts";
import { codeOf } from "../harness/requests.ts";

const statuses = [200, 202, 204, 206, 300, 302, 304, 400, 401, 403, 404, 410, 422, 451, 500, 503];
const bodies = ["{}", "null", "[]", "", '"canary"', '{"token":', '{"token":""}', "<h1>canary</h1>"];

/** What an endpoint says with the status that is its own: nothing that it should. */
const faultsOf = (own: number): readonly Fault[] => [
  ...statuses.map((status, at) => ({ status, body: bodies[at % bodies.length] ?? "" })),
  ...bodies.map((body) => ({ status: own, body })),
  ...[202, 206, 410].map((statusAlone) => ({ statusAlone })),
  { truncate: true },
  { reset: true },
];

/** A broker that has a GitHub App, and no token of it yet. */
function withApp(): Promise<OperatedProgram> {
  return OperatedProgram.start({
    environment: ({ github }, folder) => {
      const { privateKey } = github.installApp("acme");
      writeFileSync(join(folder, "app.pem"), privateKey, { mode: 0o600 });
      return {
        GITHUB_TOKEN: "",
        GITHUB_APP_ID: "2001",
        GITHUB_APP_PRIVATE_KEY_FILE: join(folder, "app.pem"),
      };
    },
  });
}

describe("of a GitHub App, whatever is wrong is an outage and no pass, until it is right (H-02):", () => {
  test.for([
    ["its installations", /^\/app\/installations\?/, 200],
    ["an installation's token", /\/access_tokens$/, 201],
  ] as const)("%s", { timeout: 60_000 }, async ([, match, own]) => {
    const it = await withApp();
    const { github, sts } = it.world;
    const client = await it.client();
    for (const fault of faultsOf(own)) {
      const handle = github.api.fault({ match, ...fault });
      const reply = await client.attempt();
      handle.remove();
      expect([fault, codeOf(reply)]).toEqual([fault, "github_unavailable"]);
      expect(handle.used).toBeGreaterThan(0);
    }
    expect(sts.journal).toEqual([]);
    expect(new Set(it.audit.map(({ code }) => code))).toEqual(new Set(["github_unavailable"]));
    await expect(client.obtain()).resolves.toBeDefined();
    expect(it.text + JSON.stringify(it.audit)).not.toMatch(/canary|PRIVATE KEY|eyJ/);
  });
});
