import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { grantLike, roleOf } from "../harness/config.ts";
import { OperatedProgram } from "../harness/operated-program.ts";
import type { World } from "../world/index.ts";

const publicUrl = "https://broker.test";
const byToken = grantLike("by-token", { proof: "oidc", step: undefined, job: undefined });

/** A broker that finds its session so when it starts, with the cookie in a file. */
function start(end: (world: World) => void): Promise<OperatedProgram> {
  return OperatedProgram.start({
    grants: [byToken],
    settings: { public_url: publicUrl },
    environment: (world, folder) => {
      const file = join(folder, "session");
      writeFileSync(file, world.github.session.cookie, { mode: 0o600 });
      end(world);
      return { GITHUB_USER_SESSION: "", GITHUB_USER_SESSION_FILE: file };
    },
  });
}

const redirected = (to: string) => {
  return ({ github }: World): void => {
    github.web.fault({ redirect: github.webUrl + to });
  };
};
const inState = (state: "redirect" | "sign-in-page" | "not-found") => {
  return ({ github }: World): void => {
    github.session.state = state;
  };
};

/** The ways in which GitHub says that the reader is not, or no longer, who they should be. */
const ends: Record<string, (world: World) => void> = {
  "a redirect to sign in": inState("redirect"),
  "a page to sign in": inState("sign-in-page"),
  "a redirect to the organisation's single sign-on": redirected("/orgs/acme/sso?return_to=x"),
  "a redirect to the second factor": redirected("/sessions/two-factor/app"),
  "a redirect to confirm the device": redirected("/sessions/verified-device"),
};

describe("the session has ended, as GitHub says by", () => {
  test.for(Object.entries(ends))(
    "%s: the operator is told at once by health, metrics and log, and tokens and renewals go on (F-02)",
    async ([, end]) => {
      const it = await start(end);
      await it.until(() => it.log.some(({ check }) => check === "github_session"));
      expect(await it.get("/readyz")).toMatchObject({
        status: 503,
        json: { ready: false, checks: { github_session: { ok: false, state: "expired" } } },
      });
      expect((await it.get("/healthz")).status).toBe(200);
      expect((await it.get("/metrics")).text).toContain(
        'actions2aws_github_session{state="expired"} 1',
      );
      expect(it.audit).toEqual([]);

      const client = await it.client();
      const refused = await client.attempt();
      expect(refused).toMatchObject({ status: 503, json: { code: "github_session_expired" } });
      expect(it.audit).toMatchObject([{ decision: "denied", code: "github_session_expired" }]);
      expect(it.world.sts.journal).toEqual([]);
      const shown = await client.askByToken(client.token(publicUrl), { role: roleOf("by-token") });
      const { RenewalToken } = await client.credentialsIn(shown);
      expect((await client.renew(RenewalToken)).status).toBe(200);
      expect(it.world.sts.issued).toHaveLength(2);
    },
  );

  test("404 for what it may not see: the job is told the same, though a page of its own still opens (F-02)", async () => {
    const it = await start(inState("not-found"));
    expect(await (await it.client()).attempt()).toMatchObject({
      json: { code: "github_session_expired" },
    });
    expect(it.world.sts.journal).toEqual([]);
  });
});

test("a new cookie in the file and SIGHUP, and the broker is ready again (F-02)", async () => {
  const it = await start(inState("redirect"));
  await it.until(() => it.log.some(({ check }) => check === "github_session"));
  const { github } = it.world;
  github.session.cookie = "canaryNextUserSession00000000000000000000000000";
  github.session.state = "signed-in";
  writeFileSync(join(it.folder, "session"), `${github.session.cookie}\n`);
  expect(await it.reload()).toMatchObject({ msg: "reloaded", secrets: "changed" });
  expect(await it.get("/readyz")).toMatchObject({ status: 200, json: { ready: true } });
  expect(it.log).toContainEqual(
    expect.objectContaining({ check: "github_session", msg: "well again" }),
  );
  await (await it.client()).obtain();
  expect(it.text).not.toContain("canary");
});
