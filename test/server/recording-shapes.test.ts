import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { GitHubDescription } from "../world/openapi.ts";

const recording = join(import.meta.dirname, "../../recordings/deploy");
const runs = "/repos/{owner}/{repo}/actions/runs/{run_id}";

// The recorded run stands for GitHub in the demo, and for whoever tries the broker without an account.
test.each([
  ["run.json", runs],
  ["jobs.json", `${runs}/attempts/{attempt_number}/jobs`],
])("%s of the recorded run is as GitHub's OpenAPI description has it", (file, path) => {
  const body: unknown = JSON.parse(readFileSync(join(recording, file), "utf8"));
  expect(new GitHubDescription().faults("get", path, 200, body)).toEqual([]);
});
