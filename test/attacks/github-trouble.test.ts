import { afterEach, describe, expect, test } from "vitest";
import type { Fault, Service } from "../world/index.ts";
import { useBench } from "../harness/bench.ts";
import { codeOf } from "../harness/requests.ts";

const bench = useBench({ attacks: true });
const github = () => bench().world.github;

afterEach(() => {
  github().session.state = "signed-in";
});

describe("the broker's session at GitHub has ended", () => {
  test.for(["redirect", "sign-in-page", "not-found"] as const)(
    "as %s: the job is told so within its time, and is served once it is renewed (F-02)",
    async (state) => {
      github().session.state = state;
      const job = bench().newJob();
      const begun = performance.now();
      const step = await job.run("assume role", bench().request("--timeout 4s"));
      expect(performance.now() - begun).toBeLessThan(20_000);
      expect(step).toMatchObject({ exitCode: 4, stdout: "false\n" });
      expect(step.stderr).toMatch(/github_session_expired.*tell whoever runs the broker to renew/);
      expect(bench().records).toMatchObject([
        { decision: "denied", code: "github_session_expired" },
      ]);
      expect(bench().world.sts.journal).toEqual([]);

      const client = await bench().client();
      const challenge = await client.challenge();
      client.announce(challenge);
      expect(codeOf(await client.ask(challenge))).toBe("github_session_expired");
      github().session.state = "signed-in";
      await expect(client.credentialsIn(await client.ask(challenge))).resolves.toBeDefined();
      await bench().expectGolden();
    },
  );

  test("while a job waits for its announcement to show", async () => {
    const client = await bench().client();
    const challenge = await client.challenge();
    const asked = client.ask(challenge);
    await expect.poll(() => github().web.journal.length).toBeGreaterThan(3);
    github().session.state = "sign-in-page";
    expect(await asked).toMatchObject({ status: 503, json: { code: "github_session_expired" } });
    github().session.state = "signed-in";
    client.announce(challenge);
    await expect(client.credentialsIn(await client.ask(challenge))).resolves.toBeDefined();
  });
});

const garbage = "<!DOCTYPE html><html><body>Unicorn!</body></html>";
const faults: Record<string, Fault> = {
  "401": { status: 401 },
  "403 without a word of limits": { status: 403 },
  "500": { status: 500 },
  "502": { status: 502 },
  "a connection that is cut": { reset: true },
  "an answer that is cut": { truncate: true },
  "JSON that is cut": { body: '{"id": 1, "jobs": [' },
  "HTML in place of JSON": { body: garbage, headers: { "content-type": "text/html" } },
  "an empty object": { body: "{}" },
  null: { body: "null" },
  "a redirect to another host": { redirect: "http://evil.example/" },
  "a compressed bomb": { gzipBomb: 50_000_000 },
};

function stands(service: () => Service, moved: string): void {
  test.for(Object.entries(faults))(
    "%s: no role, no wrong blame, and served as soon as it is over (F-03, F-04, H-02)",
    async ([what, fault]) => {
      const client = await bench().client();
      const handle = service().fault(fault);
      const reply = await client.attempt();
      handle.remove();
      // A repository that answers with a redirect has moved, which is a no for good (G-14).
      const expected = what === "a redirect to another host" ? moved : "github_unavailable";
      expect(codeOf(reply)).toBe(expected);
      expect(reply.text).not.toMatch(/evil|unicorn/i);
      expect(bench().world.sts.journal).toEqual([]);
      await bench().expectGolden();
    },
  );
}

describe("GitHub's API answers with", () => {
  stands(() => github().api, "no_grant");
});
describe("GitHub's web answers with", () => {
  stands(() => github().web, "github_unavailable");
});

describe("trouble that passes is not even noticed:", () => {
  test.for([
    ["500 twice", { status: 500, times: 2 }],
    ["502 once", { status: 502, times: 1 }],
    ["a cut connection", { reset: true, times: 1 }],
  ] as const)("%s", async ([, fault]) => {
    const handles = [github().api.fault(fault), github().web.fault(fault)];
    const client = await bench().client();
    await expect(client.obtain()).resolves.toBeDefined();
    for (const handle of handles) handle.remove();
  });
});
