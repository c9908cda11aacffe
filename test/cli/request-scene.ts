import { parseRequestOptions, type RequestFlags } from "../../src/cli/request-options.ts";
import { request } from "../../src/cli/request.ts";
import type { ScriptedBroker } from "../harness/scripted-broker.ts";
import { jobEnvironment, testHost } from "./test-host.ts";

export const role = "arn:aws:iam::609629065308:role/shop-deploy";

export interface Call {
  readonly flags?: RequestFlags;
  readonly env?: Record<string, string>;
  readonly speed?: number;
  /** How far the host's clock is before the broker's, in milliseconds. */
  readonly later?: number;
}

export interface Outcome {
  readonly code: number;
  readonly message: string;
  readonly out: string;
  readonly err: string;
}

/** A request inside a job of this folder, in this process. */
export async function requestIn(
  folder: string,
  broker: ScriptedBroker,
  { flags = {}, env = {}, speed = 1, later = 0 }: Call = {},
): Promise<Outcome> {
  const host = testHost({ ...jobEnvironment(folder), HOME: folder, ...env }, { speed });
  const moved = Object.create(host, { now: { value: () => Date.now() + later } }) as typeof host;
  const options = parseRequestOptions({ url: broker.url, role, ...flags }, null, host.env);
  const ended = await request(options, moved).then(
    (code) => ({ code, message: "" }),
    (error: { exitCode: number; message: string }) => ({
      code: error.exitCode,
      message: error.message,
    }),
  );
  return { ...ended, out: host.out, err: host.err };
}
