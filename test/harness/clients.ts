import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, vi } from "vitest";
import { Machine } from "./machine.ts";
import {
  goodCredentials,
  type Script,
  type ScriptedBroker,
  ScriptedBrokers,
} from "./scripted-broker.ts";

/** Of the shape of AWS's, and known again wherever they turn up. */
export const canaries = {
  ...goodCredentials,
  AccessKeyId: "ASIACANARY7EXAMPLE00",
  SecretAccessKey: "canarySecret/K7MDENG+bPxRfiCYEXAMPLEKEY0",
  SessionToken: `canaryToken${"aZ09/+".repeat(60)}==`,
  RenewalToken: "r1.canaryRenewal-abcdefghijk",
};

/** Brokers that do what they are told to, and machines whose steps ask them. */
export class Clients {
  readonly #brokers: ScriptedBrokers;
  readonly #folder: string;
  #count = 0;

  private constructor(brokers: ScriptedBrokers) {
    this.#brokers = brokers;
    this.#folder = mkdtempSync(join(tmpdir(), "actions2aws-clients-"));
  }

  static async start(): Promise<Clients> {
    return new Clients(await ScriptedBrokers.start());
  }

  broker(script: Script = {}): ScriptedBroker {
    return this.#brokers.at(undefined, script);
  }

  machine(): Promise<Machine> {
    return Machine.in(join(this.#folder, `machine-${++this.#count}`));
  }

  close(): void {
    this.#brokers.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What the tests of one file share; each broker and each machine is for one test. */
export function useClients(): () => Clients {
  let clients: Clients | undefined;
  // Several processes at a time, on a machine that may be busy.
  vi.setConfig({ testTimeout: 60_000 });
  beforeAll(async () => {
    clients = await Clients.start();
  });
  afterAll(() => clients?.close());
  return () => {
    if (clients === undefined) throw new Error("clients are ready in tests only");
    return clients;
  };
}
