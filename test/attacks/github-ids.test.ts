import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ask } from "../world/ask.ts";
import { useBench } from "../harness/bench.ts";
import { type Grant, grantLike } from "../harness/config.ts";
import { actions2aws } from "../harness/program.ts";

const bench = useBench({ attacks: true });

/** Beyond it numbers come in steps of two, so that one id is read as another. */
const near = "9007199254740992";
const far = "9007199254740993";

describe("an id of GitHub's that would be rounded to another is none (H-04):", () => {
  const places: Record<string, [path: (run: number) => string, id: RegExp]> = {
    "the run's": [(run) => `/runs/${run}$`, /"id":\d+/],
    "the repository's": [(run) => `/runs/${run}$`, /(?<="repository":\{"id":)\d+/],
    "the head repository's": [(run) => `/runs/${run}$`, /(?<="head_repository":\{"id":)\d+/],
    "the job's": [(run) => `/runs/${run}/attempts/1/jobs`, /"id":\d+/],
    "the job's run's": [(run) => `/runs/${run}/attempts/1/jobs`, /(?<="run_id":)\d+/],
  };
  test.for(Object.entries(places))("%s", async ([, [path, id]]) => {
    const { job } = bench().newJob();
    const client = await bench().client(job);
    const { api } = bench().world.github;
    const url = `${api.url}/repos/acme/app/actions${path(job.run.id).replace("$", "")}?per_page=100&page=1`;
    const authorization = `Bearer ${bench().world.github.token}`;
    const { text } = await ask(url, { authorization });
    for (const big of [near, far]) {
      const changed = text.replace(id, (found) => found.replace(/\d+/, big));
      expect(changed).not.toBe(text);
      const headers = { etag: `"${big}"` };
      const fault = api.fault({ match: new RegExp(path(job.run.id)), headers, body: changed });
      const reply = await client.attempt();
      fault.remove();
      expect(reply.status).toBe(503);
      await bench().expectDenied(reply, "github_unavailable");
    }
  });
});

describe("a configuration is not loaded", () => {
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-ids-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Those of the grants that `serve --check` finds no fault with, which tells what is no YAML first. */
  async function faultless(grants: readonly string[]): Promise<readonly string[]> {
    const file = join(folder, "broker.yml");
    writeFileSync(file, ["grants:", ...grants.map((grant) => `  - ${grant}`)].join("\n"));
    const { exitCode, stderr } = await actions2aws(["serve", "--config", file, "--check"]);
    if (exitCode === 0) return grants;
    const lines = stderr.trimEnd().split("\n");
    const faulty = new Set(lines.map((line) => Number(line.slice(file.length + 1).split(":")[0])));
    const others = grants.filter((_, at) => !faulty.has(at + 2));
    expect(others.length).toBeLessThan(grants.length);
    return others.length === 0 ? [] : faultless(others);
  }

  const grant = (name: string, changes: Grant): string => JSON.stringify(grantLike(name, changes));
  const good = grant("good", {});

  test("with a repository that bends an address (H-01)", async () => {
    const names = [
      "acme/../evil",
      "acme/%2e%2e",
      "acme\\app",
      "acme/..",
      "acme/app?x",
      "acme/app#x",
      "acme/app/",
      "acme//app",
      "acme",
      "",
      " acme/app",
      "acme/app\n",
      "evil@host/app",
      "*/app",
      "acme/\u0430pp",
      "acme/app/..",
    ];
    const grants = names.map((repository, at) => grant(`bad-${at}`, { repository }));
    expect(await faultless([good, ...grants])).toEqual([good]);
  });

  test("with a repository_id that is none, or that would be rounded to another (H-04)", async () => {
    const ids = [near, far, `"${far}"`, "0", "-1", "1.5", "1e30", '"1001x"', "null", "[1001]"];
    const grants = ids.map((id, at) =>
      grant(`bad-${at}`, { repository_id: 1_001 }).replace("1001", id),
    );
    expect(await faultless([good, ...grants])).toEqual([good]);
  });
});
