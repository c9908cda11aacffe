import * as fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { forge } from "../harness/log-forge.ts";
import { forgery, type Forgery } from "../harness/log-forgery.ts";
import { announcing, standings } from "../harness/log-oracle.ts";
import { logKinds, LogScene, logSetting } from "../harness/log-scene.ts";

const bench = useBench(logSetting);
const world = () => bench().world;

beforeEach(() => {
  world().github.budget.limit = 10_000_000;
});

/** What may become of the honest client. */
const ends = {
  served: /^served$/,
  refused: /^proof_(?:ambiguous|invalid)$/,
  either: /^(?:served|proof_(?:ambiguous|invalid))$/,
};
type Expected = keyof typeof ends;

/** What has to become of it, by what stands in the log. */
function expectedFor(scene: LogScene, { announcements }: Forgery): Expected {
  const { kind, honest, attacker } = scene;
  const genuine = announcing(scene, honest.client.publicKey);
  const foreign = announcing(scene, attacker.client.publicKey);
  const found = standings(scene, foreign);
  expect(standings(scene, genuine)).toContain("yes");
  if (found.includes("yes")) return "refused";
  if (found.includes("perhaps")) return "either";
  if (kind === "live feed") return "served";
  // Whole lines of the honest key, at a time that may be forged.
  if (standings(scene, genuine).length > announcements) return "either";
  // The original's is refused, too, where what looks like a problem matcher's mark stands before a key.
  const marked = `##\\[(?:error|warning|notice)\\](?:${genuine}|${foreign})`;
  return kind === "original's log" && standings(scene, marked).length > 0 ? "either" : "served";
}

/** What else an attacker may send meanwhile. */
async function thefts({ kind, honest, attacker }: LogScene): Promise<number[]> {
  if (kind === "original's log") return [];
  const { client, challenge } = attacker;
  const stolen = honest.challenge.challenge;
  const { publicKey: public_key } = honest.client;
  const replies = await Promise.all([
    client.ask({ ticket: stolen }, { public_key }),
    client.ask({ ticket: `${stolen}.${challenge.ticket.split(".").at(-1)}` }, { public_key }),
    client.ask(challenge, { public_key }),
  ]);
  return replies.map(({ status }) => status);
}

const outcomes = { served: 0, refused: 0 };

async function tryForgery(kind: (typeof logKinds)[number], forged: Forgery): Promise<void> {
  const scene = await LogScene.of(bench(), kind);
  // The original announces once: a second line is another key's as far as anybody can tell.
  const once = kind === "original's log" ? { ...forged, announcements: 1 } : forged;
  forge(scene, world(), once);
  const expected = expectedFor(scene, once);
  // What comes before the honest request is not answered as one that comes beside it.
  if (forged.attackerFirst) scene.end();
  const early = forged.attackerFirst ? await thefts(scene) : [];
  const [{ honest, attacker }, late] = await Promise.all([scene.ask(forged), thefts(scene)]);
  const stolen = [...early, ...late];
  const log = kind === "live feed" ? scene.step.live.map(({ line }) => line) : scene.step.log;
  const outcome = honest === "served" ? "served" : "refused";
  const told = { kind, log, honest, attacker, stolen, sessions: scene.sessions };
  expect(told).toEqual({
    ...told,
    honest: expect.stringMatching(ends[expected]),
    attacker: expect.stringMatching(/^(?:sealed to another|proof_ambiguous|proof_invalid)$/),
    stolen: stolen.map(() => 403),
    sessions: outcome === "served" ? 1 : 0,
  });
  outcomes[outcome]++;
}

test.for(logKinds)(
  "wherever an attacker's text stands in the %s, between whatever characters and times, with whatever key and challenge: no key but the honest one is served, and that is unless another stands alone on a line (L-02, L-04, L-05, L-06, L-07, L-10, L-11, L-15, L-16, L-21)",
  { timeout: 120_000 },
  async (kind) => {
    Object.assign(outcomes, { served: 0, refused: 0 });
    const batch = fc.array(forgery, { minLength: 1, maxLength: 20, size: "max" });
    await fc.assert(
      fc.asyncProperty(batch, async (forgeries) => {
        const tries = forgeries.map((forged) => tryForgery(kind, forged));
        await Promise.allSettled(tries);
        await Promise.all(tries);
      }),
      { numRuns: 24, interruptAfterTimeLimit: 60_000 },
    );
    // Both have to have been seen, or the search has not searched.
    expect(outcomes.served).toBeGreaterThan(20);
    expect(outcomes.refused).toBeGreaterThan(3);
  },
);
