import { posix } from "node:path";
import { expect, test } from "vitest";
import { deployment, manifests, readManifest } from "./manifests.ts";
import { expectConfig, expectReadsFileOf, serveArguments } from "./settings.ts";

// That they are manifests at all is for test/system/hosts-lint.test.ts to say.

const all = manifests();
const { replicas, selector, template } = deployment();
const { metadata, spec: pod } = template;
const [container] = pod.containers;
const port = (name: string): number | undefined =>
  container.ports.find((it) => it.name === name)?.containerPort;

test("the namespace comes first, and all else is in it", () => {
  const [namespace, ...rest] = all.values();
  expect(namespace?.kind).toBe("Namespace");
  const examples = ["secret.yml.example", "ingress.yml.example"].map((name) => readManifest(name));
  const within = [...rest, ...examples].map((it) => [it.kind, it.metadata.namespace]);
  expect(within).toEqual(within.map(([kind]) => [kind, namespace?.metadata.name]));
});

test("the pod keeps to the restricted profile, and writes nothing", () => {
  expect(pod.securityContext).toEqual({
    runAsNonRoot: true,
    runAsUser: 65532,
    runAsGroup: 65532,
    fsGroup: 65532,
    seccompProfile: { type: "RuntimeDefault" },
  });
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  expect(pod.automountServiceAccountToken).toBe(false);
  expect(pod.containers).toHaveLength(1);
  for (const name of ["hostNetwork", "hostPID", "hostIPC", "initContainers"])
    expect(pod).not.toHaveProperty(name);
  expect(container.volumeMounts.filter((mount) => !("readOnly" in mount))).toEqual([]);
});

test("the configuration is one that serve takes, and holds no secret", () => {
  const { data = {} } = all.get("ConfigMap") ?? {};
  const { config } = serveArguments(container.args);
  const { policy, ...settings } = expectConfig(data[posix.basename(config)] ?? "");
  expect(policy.grants.map(({ name }) => name)).toEqual(["shop-deploy"]);
  // Replicas share what is used, and no volume is there for a file.
  expect(settings).toMatchObject({ store: { kind: "dynamodb" } });
  expect(settings.auditFile).toBeUndefined();
  expect(Object.keys(data)).toEqual([posix.basename(config)]);
});

test("each secret is a file of the Secret, which serve reads, and no value stands anywhere", async () => {
  const { stringData = {} } = readManifest("secret.yml.example");
  expect(Object.values(stringData).join("")).toBe("");
  expect([...all.keys()]).not.toContain("Secret");
  const folder = container.volumeMounts.find(({ name }) => name === "secrets")?.mountPath;
  const files = container.env.filter(({ name }) => name.endsWith("_FILE"));
  expect(files.map(({ value }) => posix.dirname(value))).toEqual(files.map(() => folder));
  expect(files.map(({ value }) => posix.basename(value))).toEqual(Object.keys(stringData));
  for (const { name } of files) await expectReadsFileOf(name);
  const plain = container.env.filter((it) => !files.includes(it));
  expect(plain.map(({ name }) => name)).toEqual(["AWS_REGION"]);
});

test("probes, Service and policy name the ports on which serve listens", () => {
  const { main, admin } = serveArguments(container.args);
  expect([port("http"), port("admin")]).toEqual(
    [main, admin].map((it) => Number(it.split(":")[1])),
  );
  for (const { httpGet } of [
    container.startupProbe,
    container.readinessProbe,
    container.livenessProbe,
  ])
    expect(httpGet).toEqual({ path: "/healthz", port: "admin" });
  // Nobody is led to the admin listener.
  expect(all.get("Service")?.spec).toMatchObject({
    type: "ClusterIP",
    ports: [{ port: 80, targetPort: "http" }],
  });
});

test("who comes in is named, and nobody gets the node's role", () => {
  const policy = all.get("NetworkPolicy")?.spec;
  const { ingress, egress } = policy as Record<
    "ingress" | "egress",
    readonly {
      readonly from?: readonly object[];
      readonly to?: readonly object[];
      ports: object[];
    }[]
  >;
  for (const { from, ports } of ingress) {
    expect(from).toHaveLength(1);
    expect(from?.[0]).toHaveProperty("namespaceSelector.matchLabels");
    expect(ports).toHaveLength(1);
  }
  expect(ingress.flatMap(({ ports }) => ports)).toEqual([
    { protocol: "TCP", port: "http" },
    { protocol: "TCP", port: "admin" },
  ]);
  expect(egress.at(-1)?.to).toEqual([
    { ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.0.0/16"] } },
  ]);
});

test("each replica has its 25 seconds after what Kubernetes waits before", () => {
  expect(replicas).toBe(2);
  const { seconds } = container.lifecycle.preStop.sleep;
  expect(pod.terminationGracePeriodSeconds - seconds).toBe(30);
  expect(container.resources).toMatchObject({
    requests: { memory: "160Mi" },
    limits: { memory: "256Mi" },
  });
});

test("all of them mean the same pods", () => {
  const { labels } = metadata;
  expect(selector).toEqual({ matchLabels: labels });
  expect(all.get("Service")?.spec).toMatchObject({ selector: labels });
  expect(all.get("PodDisruptionBudget")?.spec).toMatchObject({ selector: { matchLabels: labels } });
  expect(readManifest("ingress.yml.example").spec).toMatchObject({
    rules: [
      { http: { paths: [{ backend: { service: { name: all.get("Service")?.metadata.name } } }] } },
    ],
  });
});
