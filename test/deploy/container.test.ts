import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../scripts/bundle.ts";
import { composeFolder, readCompose, type Service } from "./compose.ts";
import { expectConfig, expectReadsFileOf, serveArguments } from "./settings.ts";

const lines = readFileSync(join(root, "deploy/container/Dockerfile"), "utf8")
  .replaceAll("\\\n", "")
  .split("\n");
const instruction = (name: string): string => {
  const line = lines.findLast((it) => it.trimStart().startsWith(`${name} `)) ?? "";
  return line.trim().slice(name.length + 1);
};
const serve = serveArguments(JSON.parse(instruction("CMD")) as string[]);

describe("the image", () => {
  test("runs as a user with a number, and listens where it says", () => {
    expect(instruction("USER")).toBe("65532:65532");
    expect(serve.main).toBe(`0.0.0.0:${instruction("EXPOSE")}`);
  });

  test("asks itself how it is, where nobody else reaches it", () => {
    const health = /CMD (\[.+\])$/.exec(instruction("HEALTHCHECK"))?.[1] ?? "";
    expect(serve.admin).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(JSON.parse(health)).toEqual([
      ...(JSON.parse(instruction("ENTRYPOINT")) as string[]),
      "probe",
      `http://${serve.admin}/healthz`,
    ]);
  });

  test("is made of what the build reads, and of nothing that lies about", () => {
    const ignore = readFileSync(join(root, ".dockerignore"), "utf8").split("\n");
    const [first, ...allowed] = ignore.filter((line) => line && !line.startsWith("#"));
    expect(first).toBe("*");
    const copied = lines
      .filter((line) => line.startsWith("COPY ") && !line.includes("--from"))
      .flatMap((line) => line.split(" ").slice(1, -1));
    expect(allowed.map((line) => line.replace("!", "")).toSorted()).toEqual(copied.toSorted());
  });
});

describe("compose.yml", () => {
  const compose = readCompose();
  const {
    "broker-1": first,
    "broker-2": second,
    redis,
  } = compose.services as Record<string, Service>;
  const services = Object.entries(compose.services);

  test.for(services)("%s has no rights, no root, and no files to write but its own", ([, it]) => {
    expect(it).toMatchObject({
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
      ulimits: { core: 0 },
    });
    expect(it).not.toHaveProperty("privileged");
    expect(it).not.toHaveProperty("cap_add");
  });

  test("no port is open but on loopback, and Redis has none, nor a way out", () => {
    expect(services.flatMap(([, { ports = [] }]) => ports)).toEqual([
      "127.0.0.1:8081:8080",
      "127.0.0.1:8082:8080",
    ]);
    expect(redis?.networks).toEqual(["store"]);
    expect(compose.networks.store).toEqual({ internal: true });
  });

  test("two brokers differ in their ports and audit files alone", () => {
    const { ports: _, volumes, ...same } = first as Service;
    const { ports: __, volumes: others, ...again } = second as Service;
    expect(again).toEqual(same);
    const audit = [volumes, others].map((list) => list?.filter((it) => it.startsWith("audit")));
    expect(audit[0]).not.toEqual(audit[1]);
    expect(first?.stop_grace_period).toBe("30s");
  });

  test("each secret is a file that serve reads, and none stands here", async () => {
    const { AWS_REGION, ...files } = first?.environment ?? {};
    expect(AWS_REGION).toBeTruthy();
    for (const [name, path] of Object.entries(files)) {
      expect(posix.dirname(path)).toBe("/run/secrets");
      expect(first?.secrets).toContain(posix.basename(path));
      await expectReadsFileOf(name);
    }
    expect(Object.keys(files)).toHaveLength(first?.secrets.length ?? 0);
    expect(Object.keys(compose.secrets)).toEqual(first?.secrets);
    const ignored = readFileSync(join(root, ".gitignore"), "utf8").split("\n");
    expect(ignored).toContain("deploy/container/secrets/");
  });

  test("the configuration is one that serve takes, and fits the services", () => {
    const text = readFileSync(join(composeFolder, "config/broker.yml"), "utf8");
    const { policy, ...settings } = expectConfig(text);
    expect(policy.grants).toHaveLength(1);
    expect(settings).toMatchObject({
      store: { kind: "redis" },
      auditFile: "/var/log/actions2aws/audit.jsonl",
    });
    expect(text).toContain("store: redis://redis:6379\n");
    expect(first?.volumes).toEqual([
      `./config:${posix.dirname(serve.config)}:ro`,
      "audit-1:/var/log/actions2aws",
    ]);
    const [subnet] = /[\d.]+\/24/.exec(JSON.stringify(compose.networks.outside)) ?? [];
    expect(text).toContain(`trusted_proxies: [${subnet}]`);
  });
});
