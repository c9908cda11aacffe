import type { World } from "../world/index.ts";
import { signingKey } from "./broker.ts";
import { madeBy } from "./challenges.ts";
import type { AnnouncementKind, Forgery, Insertion, Piece } from "./log-forgery.ts";
import type { LogScene } from "./log-scene.ts";

/** The lines that an attacker may want to have believed, by what they are made of. */
function announcementsOf(
  { kind, job, honest, attacker }: LogScene,
  world: World,
): Record<AnnouncementKind, string> {
  const own = attacker.client.publicKey;
  const genuine = honest.client.publicKey;
  const old = madeBy(signingKey, world, job, own, Date.now() - 6 * 60_000).challenge;
  const proof = (key: string, challenge: string): string =>
    kind === "original's log"
      ? `ACTIONS2AWS PUBKEY: ${key}`
      : `ACTIONS2AWS PROOF: ${key} ${challenge}`;
  return {
    "own key, own challenge": proof(own, attacker.challenge.challenge),
    "own key, forged challenge": proof(own, "c1.zzzzzz.AAAAAAAAAAAAAAAA.BBBBBBBBBBBBBBBBBBBBBB"),
    "own key, old challenge": proof(own, old),
    "own key, honest challenge": proof(own, honest.challenge.challenge),
    "honest key, own challenge": proof(genuine, attacker.challenge.challenge),
    "honest key, honest challenge": proof(genuine, honest.challenge.challenge),
    "own key, in keygen's words":
      kind === "original's log"
        ? `ACTIONS2AWS PROOF: ${own} ${attacker.challenge.challenge}`
        : `ACTIONS2AWS PUBKEY: ${own}`,
  };
}

const commands = ["title: ##[group]x%0A", "##[error]", "::notice::", "::warning file=a::x%0D%0A"];

/** Fills the log: what the runner says, what the step says, and between it the attacker's text. */
export function forge(scene: LogScene, world: World, { insertions, announcements }: Forgery): void {
  const lines = announcementsOf(scene, world);
  const textOf = ({ kind, before, after }: Insertion): string =>
    written(scene, before) + lines[kind] + written(scene, after);
  const at = (place: Insertion["place"]): Insertion[] =>
    insertions.filter((insertion) => insertion.place === place);
  const speak = (when: "before" | "after"): void => {
    for (const insertion of at(`output ${when}`)) scene.say(textOf(insertion));
    for (const insertion of at(`message ${when}`)) scene.message(textOf(insertion));
    for (const insertion of at(`command ${when}`)) {
      const text = textOf(insertion).replaceAll("\r", "%0D").replaceAll("\n", "%0A");
      scene.say(`${commands[insertion.at % commands.length]}${text}`);
    }
  };
  const values = at("value of env").map((insertion, index) => [`V${index}`, textOf(insertion)]);
  scene.header({
    script: ["actions2aws request", ...at("script").map(textOf)].join("\n"),
    shell: ["/usr/bin/bash -e {0}", ...at("shell").map(textOf)].join(" "),
    env: Object.fromEntries(values) as Record<string, string>,
  });
  for (const insertion of at("input of an action")) scene.message(`  title: ${textOf(insertion)}`);
  speak("before");
  for (let times = 0; times < announcements; times++) scene.announce();
  speak("after");
  for (const insertion of at("raw")) insertRaw(scene, textOf(insertion), insertion.at);
}

function written(scene: LogScene, pieces: readonly Piece[]): string {
  return pieces
    .map((part) => ("text" in part ? part.text : `${scene.stamp(part.secondsFromNow)} `))
    .join("");
}

const stampLength = "2026-01-01T00:00:00.1234567Z ".length;

/**
 * Puts text anywhere: between items of the live feed, and into any line of a stored log, before, inside
 * and behind its timestamp; but for the honest lines, and for what makes of the next line a part of them.
 */
function insertRaw({ kind, step, honest }: LogScene, text: string, at: number): void {
  if (kind === "live feed") {
    step.live.splice(at % (step.live.length + 1), 0, { id: `raw-${at}`, line: text, visibleAt: 0 });
    return;
  }
  const lines = step.log.split("\n");
  const spots = lines.slice(0, -1).flatMap((line, index) => {
    if (line.endsWith(honest.line)) return [];
    const first = lines[index - 1]?.endsWith(honest.line) ? stampLength : 0;
    return Array.from({ length: Math.max(0, line.length - first) + 1 }, (_, column) => ({
      index,
      column: first + column,
    }));
  });
  const spot = spots[at % spots.length];
  if (spot === undefined) return;
  const line = lines[spot.index] ?? "";
  lines[spot.index] = line.slice(0, spot.column) + text + line.slice(spot.column);
  step.log = lines.join("\n");
}
