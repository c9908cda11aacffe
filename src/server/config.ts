import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { z } from "zod";
import { type Grant, grantSchema } from "../core/grant.ts";
import type { Policy } from "../core/policy.ts";
import { isLoopback } from "../core/loopback.ts";
import { type Fault, PlainYaml } from "./plain-yaml.ts";
import { parseStore, type StoreSetting } from "./store/setting.ts";

/** The configuration, whole and checked; never half of it. */
export interface Config {
  readonly github: {
    readonly serverUrl: string;
    readonly apiUrl: string;
    readonly oidcIssuer: string;
  };
  readonly publicUrl: string | undefined;
  readonly trustedProxies: readonly string[];
  readonly store: StoreSetting;
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
  // As the client writes it, whose tokens name it: small letters, no standard port.
  .transform((text) => new URL(text).href.replace(/\/+$/, ""))
  .meta({
    pattern:
      "^(?:https://|http://(?:localhost|127(?:\\.[0-9]+){3}|\\[::1\\])(?:[:/]|$))[^\\s?#@]*$",
  });

const rate = z
  .string("must be a rate such as 60/m")
  .regex(/^[1-9][0-9]{0,8}\/[smh]$/, "must be a rate such as 60/m")
  .transform((text): Rate => ({
    points: Number.parseInt(text, 10),
    seconds: { s: 1, m: 60, h: 3600 }[text.slice(-1)] ?? 60,
  }));

/** The message tells nothing of the value: it may hold a password. */
const store = z
  .string()
  .transform((text, context): StoreSetting => {
    const setting = parseStore(text);
    if (setting) return setting;
    const message =
      "must be memory, redis://HOST:PORT, rediss://HOST:PORT or dynamodb:TABLE (a password needs its special characters as %XX)";
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  })
  .meta({ pattern: "^(?:memory|rediss?://[^\\s]+|dynamodb:[^\\s]+)$" });

const network = z
  .string()
  .refine(isNetwork, "must be an address or a network such as 10.0.0.0/8")
  .meta({ pattern: "^[0-9A-Fa-f:.]+(?:%[^/]+)?(?:/[0-9]{1,3})?$" });

/** As the operator writes it. What `describe` and `meta` say is for editors: see config-schema.ts. */
export const configShape = z
  .strictObject({
    github: z
      .strictObject({
        server_url: url
          .default("https://github.com")
          .describe(
            "GitHub's address; on Enterprise Server, its own. Default: https://github.com.",
          ),
        api_url: url
          .optional()
          .describe("Its API. Default: https://api.github.com, or <server_url>/api/v3."),
        oidc_issuer: url
          .optional()
          .describe(
            "Who signs its OIDC tokens. Default: https://token.actions.githubusercontent.com, or <server_url>/_services/token.",
          ),
      })
      .prefault({})
      .describe("Which GitHub the runs are at."),
    public_url: url
      .optional()
      .describe(
        "Where jobs reach the broker; the audience of OIDC tokens. A base path is allowed.",
      ),
    trusted_proxies: z
      .array(network)
      .default([])
      .describe("Proxies whose X-Forwarded-For counts, as addresses or networks. None by default."),
    store: store
      .prefault("memory")
      .describe(
        "What instances share, limits and used challenges: memory, redis://HOST:PORT, rediss://HOST:PORT or dynamodb:TABLE.",
      ),
    audit: z
      .union(
        [
          z.literal("stdout"),
          z.strictObject({
            file: z.string().min(1).describe("Path of the file, which is appended to."),
          }),
        ],
        "must be stdout or { file: PATH }",
      )
      .default("stdout")
      .describe("Where the audit records go: stdout, or a file, on disk before each answer."),
    limits: z
      .strictObject({
        per_address: rate.describe("For one client address. Default: 1200/m."),
        per_repository: rate.describe("For one repository that a grant names. Default: 1200/m."),
        per_run: rate.describe("For one run. Default: 600/m."),
      })
      .partial()
      .prefault({})
      .describe("How often may be asked: a number by /s, /m or /h."),
    grants: z
      .array(grantSchema)
      .min(1, "must hold at least one grant: nothing is allowed that no grant allows")
      .describe("Nothing is allowed that no grant allows. Their order decides nothing."),
  })
  .meta({
    if: {
      properties: {
        grants: {
          contains: { properties: { proof: { enum: ["oidc", "both"] } }, required: ["proof"] },
        },
      },
    },
    // oxlint-disable-next-line unicorn/no-thenable
    then: { required: ["public_url"] },
  });

/**
 * YAML (or JSON) → the configuration.
 *
 * @throws {ConfigError} with every fault
 */
export function parseConfig(text: string): Config {
  const yaml = new PlainYaml(text);
  if (yaml.faults.length > 0) throw new ConfigError(yaml.faults);
  const result = configShape.safeParse(yaml.value);
  if (!result.success) {
    throw new ConfigError(result.error.issues.flatMap((issue) => faultsOf(issue, yaml)));
  }
  const { github, limits, grants, ...rest } = result.data;
  assertNamesDiffer(grants, yaml);
  assertTokensHaveAudience(grants, rest.public_url, yaml);
  return {
    github: {
      serverUrl: github.server_url,
      apiUrl: github.api_url ?? apiUrlOf(github.server_url),
      oidcIssuer: github.oidc_issuer ?? oidcIssuerOf(github.server_url),
    },
    publicUrl: rest.public_url,
    trustedProxies: rest.trusted_proxies,
    store: rest.store,
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
export function apiUrlOf(serverUrl: string): string {
  return serverUrl === "https://github.com" ? "https://api.github.com" : `${serverUrl}/api/v3`;
}

/** github.com's issuer, or the one that every Enterprise Server has. */
function oidcIssuerOf(serverUrl: string): string {
  return serverUrl === "https://github.com"
    ? "https://token.actions.githubusercontent.com"
    : `${serverUrl}/_services/token`;
}

export function isSafeUrl(text: string): boolean {
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
  return [{ line: yaml.lineAt(issue.path), message: where(issue.path) + sayingOf(issue, yaml) }];
}

/** The library's own words are for programmers. */
const kinds: Readonly<Record<string, string>> = {
  string: "must be text",
  array: "must be a list",
  object: "must be keys with values",
};

function sayingOf(issue: z.core.$ZodIssue, yaml: PlainYaml): string {
  if (issue.code !== "invalid_type") return issue.message;
  if (!yaml.has(issue.path)) return "is required";
  const ours = !issue.message.startsWith("Invalid input");
  return ours ? issue.message : (kinds[issue.expected] ?? issue.message);
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

/** A token is for this broker only if its audience can name it (O-01). */
function assertTokensHaveAudience(
  grants: readonly Grant[],
  publicUrl: string | undefined,
  yaml: PlainYaml,
): void {
  const needing = grants.findIndex(({ proof }) => proof === "oidc" || proof === "both");
  if (publicUrl !== undefined || needing < 0) return;
  throw new ConfigError([
    {
      line: yaml.lineAt(["grants", needing, "proof"]),
      message: `grants[${needing}].proof needs public_url, which is the audience of the tokens`,
    },
  ]);
}
