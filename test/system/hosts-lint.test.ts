import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root as folder } from "../../scripts/bundle.ts";
import { run } from "./hosts/machine.ts";

// What others' programs say of the files in deploy. None of them asks the network.

const deploy = join(folder, "deploy");
const manifests = readdirSync(join(deploy, "kubernetes")).map((name) => {
  return join(deploy, "kubernetes", name);
});

// The oldest that knows `preStop.sleep` without being told to, and the newest that is known here.
test.for(["1.30.0", "1.37.0"])(
  "Kubernetes %s knows each field of the manifests",
  async (version) => {
    const validate = ["kubernetes-validate", "--strict", "--kubernetes-version"];
    const { exitCode, stdout, stderr } = await run(...validate, version, ...manifests);
    const passed = (stdout + stderr).split("\n").filter((line) => line.includes(" passed for "));
    expect(passed).toHaveLength(manifests.length);
    expect(exitCode).toBe(0);
  },
);

test("hadolint has nothing to say of the Dockerfile", async () => {
  const file = join(deploy, "container/Dockerfile");
  expect(await run("hadolint", "--no-color", file)).toEqual({
    exitCode: 0,
    stdout: "",
    stderr: "",
  });
});

test("compose.yml is as the Compose specification has it", async () => {
  const file = join(deploy, "container/compose.yml");
  const { exitCode, stdout, stderr } = await run("compose-spec", "-format", "json", file);
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(JSON.parse(stdout)).toMatchObject({
    services: { "broker-1": { read_only: true, cap_drop: ["ALL"], mem_limit: "256m" } },
  });
});

test("shellcheck has nothing to say of the scripts", async () => {
  const script = join(import.meta.dirname, "hosts/machine.sh");
  expect(await run("shellcheck", script)).toEqual({ exitCode: 0, stdout: "", stderr: "" });
});
