import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { scriptedSecretsManager } from "../server/scripted-secrets-manager.ts";
import { grantLike, roleOf } from "../harness/config.ts";
import { OperatedProgram } from "../harness/operated-program.ts";

const other = grantLike("other", {});

/** All that anybody but the broker itself can read of it. */
async function everything(it: OperatedProgram): Promise<string> {
  const paths = ["/", "/decisions?after=", "/metrics", "/readyz", "/healthz"];
  const replies = await Promise.all(paths.map((path) => it.get(path)));
  return [it.text, JSON.stringify(it.audit), ...replies.map(({ text }) => text)].join("\n");
}

describe("the executable", () => {
  test("says where its admin listener is, answers there, and tells no secret", async () => {
    const it = await OperatedProgram.start({ grants: [other] });
    expect(it.adminUrl).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
    expect(it.adminUrl).not.toBe(it.url);
    const client = await it.client();
    await client.obtain();
    await client.attempt({ role: roleOf("nothing") });
    it.world.sts.refuse("AccessDenied");
    await client.attempt();
    expect((await it.get("/healthz")).status).toBe(200);
    expect(await it.get("/readyz")).toMatchObject({ status: 200, json: { ready: true } });
    expect((await it.get("/metrics")).text).toMatch(/build_info\{version="\d[^"]*",node="24/);
    expect((await it.get("/")).text).toContain("Stopped at AWS");
    expect(await everything(it)).not.toMatch(/canary/);
    expect(await it.stop()).toBe(0);
  });

  test("as a GitHub App, with files, serves two owners, each with a token of its own", async () => {
    const beta = grantLike("beta", { repository: "beta/app", repository_id: 2_001 });
    const it = await OperatedProgram.start({
      grants: [beta],
      environment: ({ github }, folder) => {
        const { app, privateKey } = github.installApp("acme");
        app.installations.push({ id: 3_002, account: "beta", repositories: null });
        writeFileSync(join(folder, "app.pem"), privateKey, { mode: 0o600 });
        return {
          GITHUB_TOKEN: "",
          GITHUB_APP_ID: "2001",
          GITHUB_APP_PRIVATE_KEY_FILE: join(folder, "app.pem"),
        };
      },
    });
    const { github } = it.world;
    const repository = github.addRepository({ owner: "beta", name: "app", id: 2_001 });
    github.push(repository, "main", "first");
    const job = github.addJob(github.addRun(repository));
    github.addStep(job);
    await (await it.client()).obtain();
    await (await it.client(job)).obtain({ role: roleOf("beta") });
    expect(github.installationTokens.size).toBe(2);
    // GitHub takes all of them back: the next job does not notice.
    github.installationTokens.clear();
    const later = github.addJob(github.addRun(repository));
    github.addStep(later);
    await (await it.client(later)).obtain({ role: roleOf("beta") });
    expect(await everything(it)).not.toMatch(/canary|PRIVATE KEY|eyJ/);
  });

  test("takes token and session from Secrets Manager, and again with SIGHUP", async () => {
    const manager = await scriptedSecretsManager({});
    const it = await OperatedProgram.start({
      environment: ({ github }) => {
        manager.secrets["actions2aws"] = JSON.stringify({
          ApiToken: github.token,
          UserSession: github.session.cookie,
        });
        return {
          GITHUB_TOKEN: "",
          GITHUB_USER_SESSION: "",
          GITHUB_SECRET_ID: "actions2aws",
          AWS_ENDPOINT_URL_SECRETS_MANAGER: manager.url,
        };
      },
    });
    const client = await it.client();
    await client.obtain();
    const { github } = it.world;
    github.token = "ghp_canaryNext";
    manager.secrets["actions2aws"] = "canary";
    expect(await it.reload()).toMatchObject({
      msg: "not reloaded: the old settings stay",
      faults: [expect.stringContaining("actions2aws")],
    });
    manager.secrets["actions2aws"] = JSON.stringify({
      ApiToken: github.token,
      UserSession: github.session.cookie,
    });
    expect(await it.reload()).toMatchObject({ msg: "reloaded", secrets: "changed" });
    await client.obtain();
    expect(await everything(it)).not.toMatch(/canary/);
  });
});
