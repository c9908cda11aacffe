import { armor } from "age-encryption";
import { expect } from "vitest";
import type { Reply } from "../world/ask.ts";
import type { Step } from "../world/github/model.ts";
import type { Job } from "../world/index.ts";
import type { Bench } from "./bench.ts";
import type { Body, Challenge, Client } from "./client.ts";
import { askAsOriginal, type BinaryReply, legacyGrant } from "./original.ts";
import { wideLimits } from "./config.ts";

/** The three logs in which a key is looked for, each with a proof of its own. */
export const logKinds = ["live feed", "stored log", "original's log"] as const;
export const storedKinds = ["stored log", "original's log"] as const;
export const proofKinds = ["live feed", "stored log"] as const;
export type LogKind = (typeof logKinds)[number];

/** A bench for scenes: one grant is for the original's clients, and nobody asks too often. */
export const logSetting = {
  attacks: true,
  grants: [legacyGrant("legacy")],
  settings: wideLimits,
};

/** Who has a key, and a ticket of the broker's for it and for this run. */
export interface Party {
  readonly client: Client;
  readonly challenge: Challenge;
  /** The announcement that counts in this kind of log. */
  readonly line: string;
}

/** `served`, `sealed to another`, or the code of the refusal. */
export type Outcome = string;

/**
 * A job in whose pinned step an honest client announces its key, and an attacker has something to say.
 * Both ask at the same time, each for a key of its own; of the original's, both send the one request
 * that there is.
 */
export class LogScene {
  readonly kind: LogKind;
  readonly job: Job;
  readonly step: Step;
  readonly honest: Party;
  readonly attacker: Party;
  replies: readonly Reply[] = [];
  readonly #bench: Bench;

  private constructor(bench: Bench, kind: LogKind, step: Step, job: Job, parties: Party[]) {
    const [honest, attacker] = parties;
    if (honest === undefined || attacker === undefined) throw new Error("a scene is for two");
    this.#bench = bench;
    this.kind = kind;
    this.step = step;
    this.job = job;
    this.honest = honest;
    this.attacker = attacker;
  }

  /** @param prepare called before the broker hears of the job */
  static async of(
    bench: Bench,
    kind: LogKind,
    prepare?: (at: Pick<LogScene, "job" | "step">) => void,
  ): Promise<LogScene> {
    const { job } = bench.newJob();
    const step = bench.world.github.addStep(job);
    prepare?.({ job, step });
    const parties = await Promise.all([1, 2].map(() => partyOf(bench, kind, job)));
    const scene = new LogScene(bench, kind, step, job, parties);
    scene.header();
    return scene;
  }

  /** The step's process writes something; the runner cuts it into lines and obeys commands in them. */
  say(text: string): void {
    this.#bench.world.github.say(this.job, this.step, text);
  }

  /** The runner itself writes one message, whatever it holds. */
  message(text: string): void {
    this.#bench.world.github.liveItem(this.job, this.step, text);
  }

  /** What a step begins with. */
  header(header: { script?: string; shell?: string; env?: Record<string, string> } = {}): void {
    const whole = { script: "actions2aws request", ...header };
    this.#bench.world.github.stepHeader(this.job, this.step, whole);
  }

  announce(): void {
    this.say(this.honest.line);
  }

  /** A timestamp as the runner writes it, so many seconds from now. */
  stamp(seconds = 0): string {
    const time = new Date(this.#bench.world.github.now() + seconds * 1_000);
    return time.toISOString().replace("Z", "4567Z");
  }

  /** The step ends, but for the live feed, which there is of a step in progress alone. */
  end(): void {
    if (this.kind === "live feed" || this.step.status === "completed") return;
    this.#bench.world.github.completeStep(this.job, this.step);
  }

  /** Both ask at once, the attacker first if wanted. */
  async ask({ attackerFirst = false } = {}): Promise<{ honest: Outcome; attacker: Outcome }> {
    this.end();
    const first = this.#askAs(attackerFirst ? this.attacker : this.honest);
    const second = this.#askAs(attackerFirst ? this.honest : this.attacker);
    const [honest, attacker] = await Promise.all(attackerFirst ? [second, first] : [first, second]);
    this.replies = [honest, attacker];
    if (this.kind === "original's log" && honest.status === 200 && attacker.status === 200)
      this.#bench.repeated += 1;
    return {
      honest: await this.#outcome(this.honest, honest),
      attacker: await this.#outcome(this.attacker, attacker),
    };
  }

  /** Only the attacker asks. */
  async askAsAttacker(): Promise<Outcome> {
    this.end();
    const reply = await this.#askAs(this.attacker);
    this.replies = [reply];
    return this.#outcome(this.attacker, reply);
  }

  /** How many sessions AWS was asked for in this job's name. */
  get sessions(): number {
    const run = String(this.job.run.id);
    return this.#bench.world.sts.assumed.filter(({ tags }) => tags["github:runId"] === run).length;
  }

  /** The attacker's text has changed nothing. */
  async expectServed(): Promise<void> {
    const { honest, attacker } = await this.ask();
    expect([this.kind, honest, this.sessions]).toEqual([this.kind, "served", 1]);
    expect([this.kind, attacker]).not.toEqual([this.kind, "served"]);
  }

  /** Whose key it is can't be told: the honest client is told so, with this code, and neither has the role. */
  async expectNeitherServed(code: string): Promise<void> {
    const { honest, attacker } = await this.ask();
    expect([this.kind, honest, this.sessions]).toEqual([this.kind, code, 0]);
    expect([this.kind, attacker]).toEqual([
      this.kind,
      expect.stringMatching(/^proof_(?:ambiguous|invalid)$/),
    ]);
    for (const reply of this.replies)
      await this.#bench.expectDenied(reply, String((reply.json as Body).code));
  }

  /** The attacker's text alone is no proof of the attacker's key. */
  async expectAttackerDenied(code: string): Promise<void> {
    expect([this.kind, await this.askAsAttacker()]).toEqual([this.kind, code]);
    for (const reply of this.replies) await this.#bench.expectDenied(reply, code);
  }

  #askAs({ client, challenge }: Party): Promise<Reply> {
    return this.kind === "original's log"
      ? askAsOriginal(this.#bench, this.job)
      : client.ask(challenge);
  }

  async #outcome({ client }: Party, reply: Reply): Promise<Outcome> {
    if (reply.status !== 200) return String((reply.json as Body).code);
    const sealed =
      this.kind === "original's log"
        ? (reply as BinaryReply).bytes
        : armor.decode(String((reply.json as Body).credentials));
    expect(stanzasOf(sealed)).toEqual(["X25519"]);
    const opened = await client.openBinary(sealed).catch(() => "");
    return opened.includes("SecretAccessKey") ? "served" : "sealed to another";
  }
}

/** Does the same in logs of these kinds, side by side. */
export async function inEach(
  bench: Bench,
  kinds: readonly LogKind[],
  act: (scene: LogScene) => Promise<void> | void,
  prepare?: Parameters<typeof LogScene.of>[2],
): Promise<void> {
  const acts = kinds.map(async (kind) => act(await LogScene.of(bench, kind, prepare)));
  // All are over before one fails, so that none goes on in the next test.
  await Promise.allSettled(acts);
  await Promise.all(acts);
}

async function partyOf(bench: Bench, kind: LogKind, job: Job): Promise<Party> {
  const client = await bench.client(job);
  const challenge = await client.challenge();
  const line =
    kind === "original's log"
      ? `ACTIONS2AWS PUBKEY: ${client.publicKey}`
      : `ACTIONS2AWS PROOF: ${client.publicKey} ${challenge.challenge}`;
  return { client, challenge, line };
}

/** T4: whom an age file is for, one kind a recipient; tools put stanzas that mean nothing beside them. */
function stanzasOf(sealed: Uint8Array): string[] {
  const [header = ""] = new TextDecoder("latin1").decode(sealed).split("\n--- ", 1);
  const kinds = Array.from(header.matchAll(/^-> (\S+)/gm), ([, kind = ""]) => kind);
  return kinds.filter((kind) => !kind.endsWith("-grease"));
}
