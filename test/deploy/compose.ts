import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

export const composeFolder = join(import.meta.dirname, "../../deploy/container");

/** A service of deploy/container/compose.yml, as far as it is used there. */
export interface Service {
  readonly image: string;
  readonly user?: string;
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly mem_limit: string;
  readonly pids_limit: number;
  readonly stop_grace_period?: string;
  readonly ulimits: Readonly<Record<string, number>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

export function readCompose(): Compose {
  const text = readFileSync(join(composeFolder, "compose.yml"), "utf8");
  return parse(text, { merge: true }) as Compose;
}

/** The same for `podman run`, but for networks, ports and volumes. */
export function podmanOptions(service: Service, secretsFolder: string): string[] {
  const { ulimits, environment = {}, entrypoint } = service;
  return [
    ...(service.read_only ? ["--read-only", "--read-only-tmpfs=false"] : []),
    ...(service.user === undefined ? [] : [`--user=${service.user}`]),
    ...service.cap_drop.map((name) => `--cap-drop=${name}`),
    ...service.security_opt.map((option) => `--security-opt=${option.replace(/:true$/, "")}`),
    `--memory=${service.mem_limit}`,
    `--pids-limit=${service.pids_limit}`,
    ...Object.entries(ulimits).map(([name, limit]) => `--ulimit=${name}=${limit}:${limit}`),
    ...Object.entries(environment).map(([name, value]) => `--env=${name}=${value}`),
    ...service.secrets.map((name) => `--volume=${secretsFolder}/${name}:/run/secrets/${name}:ro`),
    ...(entrypoint ? [`--entrypoint=${JSON.stringify(entrypoint)}`] : []),
  ];
}

/** What a service's command is once Compose has taken `$$` for `$`. */
export function commandOf({ command = [] }: Service): string[] {
  return command.map((part) => part.replaceAll("$$", "$"));
}
