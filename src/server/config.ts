import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { z } from "zod";
import { grantSchema } from "../core/grant.ts";
import type { Policy } from "../core/policy.ts";
import { isLoopback } from "./github/stored-log.ts";
import { type Fault, PlainYaml } from "./plain-yaml.ts";

/** The configuration, whole and checked; never half of it. */
export interface Config {
  readonly github: { readonly serverUrl: string; readonly apiUrl: string };
  readonly publicUrl: string | undefined;
  readonly trustedProxies: readonly string[];
  readonly auditFile: string | undefined;
  readonly limits: Readonly<Record<"perAddress" | "perRepository" | "perRun", Rate>>;
  readonly policy: Policy;
  /** SHA-256 of the file, in hex: names this policy in the audit (P-06). */
  readonly hash: string;
}

/** So many in so many seconds. */
export interface Rate {
  points: number;
  seconds: number;
}

/** Every fault at once, so that mending takes one round. */
export class ConfigError extends Error {
  override name = "ConfigError";
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    super("the configuration has faults");
    this.faults = faults;
  }
}

const url = z
  .string()
  .refine(
    isSafeUrl,
    "must be an https URL without user, query or fragment (http for loopback alone)",
  )
  .transform((text) => text.replace(/\/+$/, ""));

const rate = z
  .string()
  .regex(/^[1-9][0-9]{0,8}\/[smh]$/, "must be a rate such as 60/m")
  .transform((text): Rate => ({
    points: Number.parseInt(text, 10),
    seconds: { s: 1, m: 60, h: 3600 }[text.slice(-1)] ?? 60,
  }));

const network = z.string().refine(isNetwork, "must be an address or a network such as 10.0.0.0/8");

const shape = z.strictObject({
  github: z
    .strictObject({
      server_url: url.default("https://github.com"),
      api_url: url.optional(),
      oidc_issuer: url.optional(),
    })
    .prefault({}),
  public_url: url.optional(),
  trusted_proxies: z.array(network).default([]),
  store: z.literal("memory", "only memory is built so far").default("memory"),
  audit: z
    .union([z.literal("stdout"), z.strictObject({ file: z.string().min(1) })])
    .default("stdout"),
  limits: z
    .strictObject({ per_address: rate, per_repository: rate, per_run: rate })
    .partial()
    .prefault({}),
  grants: z
    .array(grantSchema)
    .min(1, "must hold at least one grant: nothing is allowed that no grant allows"),
});

/**
 * YAML (or JSON) → the configuration.
 *
 * @throws {ConfigError} with every fault
 */
export function parseConfig(text: string): Config {
  const yaml = new PlainYaml(text);
  if (yaml.faults.length > 0) throw new ConfigError(yaml.faults);
  const result = shape.safeParse(yaml.value);
  if (!result.success) {
    throw new ConfigError(result.error.issues.flatMap((issue) => faultsOf(issue, yaml)));
  }
  const { github, limits, grants, ...rest } = result.data;
  assertNamesDiffer(grants, yaml);
  return {
    github: { serverUrl: github.server_url, apiUrl: github.api_url ?? apiUrlOf(github.server_url) },
    publicUrl: rest.public_url,
    trustedProxies: rest.trusted_proxies,
    auditFile: rest.audit === "stdout" ? undefined : rest.audit.file,
    limits: {
      perAddress: limits.per_address ?? { points: 1_200, seconds: 60 },
      perRepository: limits.per_repository ?? { points: 1_200, seconds: 60 },
      perRun: limits.per_run ?? { points: 600, seconds: 60 },
    },
    policy: Object.freeze({ grants }),
    hash: createHash("sha256").update(text).digest("hex"),
  };
}

function isNetwork(text: string): boolean {
  const [, address = "", prefix = "0"] = /^([^/]+)(?:\/([0-9]{1,3}))?$/.exec(text) ?? [];
  return isIP(address) !== 0 && Number(prefix) <= (isIP(address) === 6 ? 128 : 32);
}

/** GitHub's own API host, or the path that Enterprise Server has it under. */
function apiUrlOf(serverUrl: string): string {
  return serverUrl === "https://github.com" ? "https://api.github.com" : `${serverUrl}/api/v3`;
}

function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  const plain = !username && !password && !search && !hash;
  return plain && (protocol === "https:" || (protocol === "http:" && isLoopback(hostname)));
}

function faultsOf(issue: z.core.$ZodIssue, yaml: PlainYaml): Fault[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      line: yaml.lineAt([...issue.path, key]),
      message: `${where(issue.path)}has an unknown key: ${JSON.stringify(key)}`,
    }));
  }
  const missing = issue.code === "invalid_type" && !yaml.has(issue.path);
  return [
    {
      line: yaml.lineAt(issue.path),
      message: where(issue.path) + (missing ? "is required" : issue.message),
    },
  ];
}

function where(path: readonly PropertyKey[]): string {
  const text = path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("");
  return text === "" ? "" : `${text.replace(/^\./, "")} `;
}

function assertNamesDiffer(grants: readonly { name: string }[], yaml: PlainYaml): void {
  const faults = grants.flatMap(({ name }, index) =>
    grants.findIndex((grant) => grant.name === name) === index
      ? []
      : [
          {
            line: yaml.lineAt(["grants", index, "name"]),
            message: `grants[${index}].name is taken already`,
          },
        ],
  );
  if (faults.length > 0) throw new ConfigError(faults);
}
