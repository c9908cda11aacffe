import { SimulatedGitHub } from "./github/index.ts";
import { SimulatedIssuer } from "./issuer/index.ts";
import { SimulatedSts } from "./sts/index.ts";

export interface WorldOptions {
  /** Milliseconds before each answer; each service's `latency` can be changed later. */
  readonly latency?: {
    readonly api?: number;
    readonly web?: number;
    readonly sts?: number;
    readonly oidc?: number;
  };
  /** The clock of all of them, in milliseconds. */
  readonly now?: () => number;
}

export interface World {
  readonly github: SimulatedGitHub;
  readonly sts: SimulatedSts;
  readonly issuer: SimulatedIssuer;
  close(): Promise<void>;
}

/** GitHub, STS and the OIDC issuer on loopback, over real HTTP. */
export async function startWorld({
  latency = {},
  now = Date.now,
}: WorldOptions = {}): Promise<World> {
  const github = new SimulatedGitHub(now, latency);
  const sts = new SimulatedSts(now, latency.sts);
  const issuer = new SimulatedIssuer(now, latency.oidc);
  const services = [github, sts, issuer];
  await Promise.all(services.map((service) => service.start()));
  return {
    github,
    sts,
    issuer,
    close: async () => {
      await Promise.all(services.map((service) => service.close()));
    },
  };
}

export { sha } from "./github/builders.ts";
export type { Golden } from "./github/golden.ts";
export type { Job, Repository, Run, Step } from "./github/model.ts";
export type { Fault } from "./fault.ts";
export type { Service } from "./service.ts";
export type { SimulatedGitHub } from "./github/index.ts";
export type { SimulatedIssuer } from "./issuer/index.ts";
export type { SimulatedSts } from "./sts/index.ts";
