import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { root } from "../../scripts/bundle.ts";

const manifestsFolder = join(root, "deploy/kubernetes");

export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec?: unknown;
}

/** By their kind, in the order in which `kubectl apply -f` takes them. */
export function manifests(): ReadonlyMap<string, Manifest> {
  const files = readdirSync(manifestsFolder).filter((name) => name.endsWith(".yml"));
  return new Map(
    files
      .toSorted()
      .map((name) => readManifest(name))
      .map((it) => [it.kind, it]),
  );
}

export function readManifest(name: string): Manifest {
  return parse(readFileSync(join(manifestsFolder, name), "utf8")) as Manifest;
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
  readonly securityContext: object;
  readonly resources: Readonly<Record<"requests" | "limits", { readonly memory: string }>>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface Deployment {
  readonly replicas: number;
  readonly selector: object;
  readonly template: {
    readonly metadata: { readonly labels: object };
    readonly spec: {
      readonly terminationGracePeriodSeconds: number;
      readonly automountServiceAccountToken: boolean;
      readonly securityContext: {
        readonly runAsUser: number;
        readonly runAsGroup: number;
      } & object;
      readonly containers: readonly [Container];
      readonly volumes: readonly object[];
    };
  };
}

export function deployment(): Deployment {
  return manifests().get("Deployment")?.spec as Deployment;
}
