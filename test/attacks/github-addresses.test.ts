import { describe, expect, test } from "vitest";
import { ask } from "../world/ask.ts";
import { useBench } from "../harness/bench.ts";
import { endpoints, endpointsGrant, type Scene, sceneAt } from "../harness/endpoints.ts";
import { otherServer } from "../harness/other-server.ts";
import { codeOf } from "../harness/requests.ts";
import { wideLimits } from "../harness/config.ts";

const bench = useBench({ attacks: true, grants: [endpointsGrant], settings: wideLimits });
const github = () => bench().world.github;

/** Addresses to which nothing may be sent, wherever GitHub is; most lead to another server of this machine. */
const forbidden = (port: number): string[] => [
  `http://0.0.0.0:${port}/`,
  `http://[::]:${port}/`,
  `http://[::ffff:127.0.0.1]:${port}/`,
  `http://localhost.:${port}/`,
  `http://x.localhost:${port}/`,
  `http://github.com@127.0.0.1:${port}/`,
  `http://user:password@127.0.0.1:${port}/`,
  `http://github.com%40127.0.0.1:${port}/`,
  "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
  "http://metadata.google.internal/computeMetadata/v1/",
  "http://10.0.0.1/",
  "https://evil.example/",
  `ftp://127.0.0.1:${port}/`,
  `ws://127.0.0.1:${port}/`,
  "file:///proc/self/environ",
  "data:text/plain,canary",
  "javascript:canary",
  "http://",
  "http://[",
];
/** What may be the storage of a GitHub on this machine, and is no place that anything else leads to. */
const local = (port: number): string[] => [
  `http://127.0.0.1:${port}/`,
  `https://127.0.0.1:${port}/`,
  `//127.0.0.1:${port}/`,
  `http://2130706433:${port}/`,
  `http://0x7f.1:${port}/`,
];

let cases = 0;

describe("an answer that leads elsewhere is not followed (H-19):", () => {
  test.for(Object.entries(endpoints))("%s", async ([name, endpoint]) => {
    const other = await otherServer();
    const targets =
      name === "a stored log"
        ? forbidden(other.port)
        : [...forbidden(other.port), ...local(other.port)];
    const codes = await Promise.all(
      targets.map(async (redirect) => {
        const scene = await sceneAt(bench(), endpoint, `case-${++cases}`);
        endpoint.of(bench()).fault({ match: endpoint.path(scene), redirect });
        return codeOf(await scene.ask());
      }),
    );
    const expected = endpoint.means[302] === "no_grant" ? "no_grant" : "github_unavailable";
    expect(codes).toEqual(targets.map(() => expected));
    expect(other).toMatchObject({ connections: 0, asked: [] });
    expect(bench().world.sts.journal).toEqual([]);
  });
});

test("the storage of a GitHub on this machine is asked for the log alone, without cookie or token (H-19)", async () => {
  const other = await otherServer("2026-01-01T00:00:00.0000000Z canary\n");
  const endpoint = endpoints["a stored log"] ?? expect.unreachable();
  const scene = await sceneAt(bench(), endpoint, `case-${++cases}`);
  const redirect = `http://127.0.0.1:${other.port}/log?sig=x`;
  github().web.fault({ match: endpoint.path(scene), redirect });
  expect(codeOf(await scene.ask())).toBe("proof_invalid");
  expect(other.asked.map(({ path }) => path)).toEqual(["/log?sig=x"]);
  expect(JSON.stringify(other.asked)).not.toMatch(/canary|authorization|cookie/i);
});

describe("addresses within an answer are not used (H-19):", () => {
  /** Every address in the answers at these places leads to the other server, and all else is right. */
  async function servedWith(names: readonly string[], ended = false): Promise<number> {
    const other = await otherServer();
    const evil = `http://127.0.0.1:${other.port}`;
    const chosen = names.map((name) => endpoints[name] ?? expect.unreachable());
    const prepared = { ...chosen[0], ...(ended && { ended: true }) } as (typeof chosen)[number];
    const scene = await sceneAt(bench(), prepared, `case-${++cases}`);
    const { api, web, apiUrl, webUrl } = github();
    const handles = chosen.map((endpoint) => {
      const match = endpoint.path(scene);
      return endpoint.of(bench()) === api
        ? api.transform((body) => led(body, [apiUrl, webUrl], evil), { match })
        : web.transform((body) => led(body, ['"/acme/'], `"${evil}/acme/`), { match });
    });
    const reply = await scene.ask();
    expect(reply.status).toBe(200);
    for (const handle of handles) {
      expect(handle.used).toBeGreaterThan(0);
      handle.remove();
    }
    return other.connections;
  }

  function led<Body>(body: Body, from: readonly string[], to: string): Body {
    const text = JSON.stringify(body);
    const changed = from.reduce((made, address) => made.replaceAll(address, to), text);
    expect(changed).not.toBe(text);
    return JSON.parse(changed) as Body;
  }

  test("the API's", async () => {
    expect(await servedWith(["the run", "its jobs", "the branch"])).toBe(0);
    expect(await servedWith(["an annotated tag"])).toBe(0);
    expect(await servedWith(["the comparison with the branch's tip"])).toBe(0);
  });

  test("the steps', of their logs", async () => {
    expect(await servedWith(["the steps"], true)).toBe(0);
  });

  /** The job's page, changed; what came of a request. */
  async function withPage(change: (page: string, evil: string) => string): Promise<string> {
    const other = await otherServer();
    const endpoint = endpoints["the job's page"] ?? expect.unreachable();
    const scene = await sceneAt(bench(), endpoint, `case-${++cases}`);
    const page = await pageOf(scene);
    const body = change(page, `http://127.0.0.1:${other.port}`);
    expect(body).not.toBe(page);
    const handle = github().web.fault({ match: endpoint.path(scene), body });
    const reply = await scene.ask();
    handle.remove();
    expect(other.connections).toBe(0);
    return codeOf(reply) ?? "served";
  }

  async function pageOf({ job }: Scene): Promise<string> {
    const { webUrl, session } = github();
    const cookie = `user_session=${session.cookie}`;
    const url = `${webUrl}/acme/app/actions/runs/${job.run.id}/job/${job.id}`;
    const { text } = await ask(url, { cookie });
    github().clearJournal();
    return text;
  }

  test("the page's: of one that is right, only the job's number is taken", async () => {
    const answers = await Promise.all([
      withPage((page, evil) => page.replaceAll('url="/', `url="${evil}/`)),
      withPage((page, evil) =>
        page.replaceAll('url="/', `url="${evil.replace("http:", "https:")}/`),
      ),
      withPage((page, evil) => page.replace("<check-steps", `<base href="${evil}/"><check-steps`)),
    ]);
    expect(answers).toEqual(["served", "served", "served"]);
  });

  test("the page's: one of another job, or of none, is no address", async () => {
    const steps = /(?<=data-job-steps-url=")[^"]*/;
    const all = /(?<=data-job-(?:steps|step-backscroll)-url=")[^"]*/g;
    const changes: readonly ((page: string, evil: string) => string)[] = [
      (page) =>
        page.replace(steps, "/acme/app/actions/runs/1/jobs/81000007/steps").replace(all, ""),
      (page) => page.replaceAll("/actions/runs/", "/../../evil/x/actions/runs/"),
      (page, evil) => page.replaceAll(all, evil),
      (page) => page.replaceAll(all, "javascript:canary"),
      (page) => page.replace(/\/jobs\/\d+\/steps/, "/jobs/81000007/steps"),
      (page) => page.replaceAll(/\/jobs\/\d+\/steps/g, "/jobs/../../../x/steps"),
      (page) => page.replaceAll(/\/jobs\/\d+\/steps/g, "/jobs/0/steps"),
    ];
    const answers = await Promise.all(changes.map((change) => withPage(change)));
    for (const answer of answers)
      expect(["github_unavailable", "github_session_expired"]).toContain(answer);
    expect(bench().world.sts.journal).toEqual([]);
  });

  test("a step's id that is a path is none", async () => {
    const endpoint = endpoints["the steps"] ?? expect.unreachable();
    for (const id of ["../../../../settings/profile", "x/y", "x?y", "x#y", "%2e%2e", "", "x y"]) {
      const scene = await sceneAt(bench(), endpoint, `case-${++cases}`);
      const match = endpoint.path(scene);
      github().web.transform<{ id: string }[]>((steps) => steps.map((step) => ({ ...step, id })), {
        match,
      });
      expect(codeOf(await scene.ask())).toBe("github_unavailable");
    }
    expect(bench().asked.filter(({ path }) => /settings|\.\.|%2e|[#]/.test(path))).toEqual([]);
  });
});
