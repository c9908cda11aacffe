import { bech32 } from "@scure/base";
import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { inEach, logKinds, LogScene, logSetting } from "../harness/log-scene.ts";
import { goodRequest } from "../harness/requests.ts";

const bench = useBench(logSetting);

/** Keys that are none of ours, and other spellings of keys that are (L-24). */
function spellingsOf(key: string): Record<string, string> {
  const words = bech32.decode(key as `${string}1${string}`).words;
  const bytes = bech32.fromWords(words);
  const encoded = (change: (bytes: Uint8Array) => Uint8Array, prefix = "age"): string =>
    bech32.encode(prefix, bech32.toWords(change(Uint8Array.from(bytes))), 200);
  const highBit = encoded((all) => all.with(31, (all[31] ?? 0) | 0x80));
  const prime = Uint8Array.from({ length: 32 }, (_, at) => (at === 31 ? 0x7f : 0xff));
  return {
    "in capitals": key.toUpperCase(),
    "in both cases": key.replace(/[a-z](?=[^a-z]*$)/, (letter) => letter.toUpperCase()),
    "with a wrong checksum": key.slice(0, -1) + (key.endsWith("q") ? "p" : "q"),
    "with a character that is none": key.replace(/.$/, "b"),
    "one byte short": encoded((all) => all.subarray(1)),
    "one byte long": encoded((all) => Uint8Array.of(...all, 1)),
    "another spelling of the point, by its high bit": highBit,
    "another spelling of a point, above the prime": encoded(() => prime.with(0, 0xef)),
    "of low order: zero": encoded(() => new Uint8Array(32)),
    "of low order: one": encoded(() => new Uint8Array(32).with(0, 1)),
    "of a plugin": encoded((all) => all, "age1yubikey"),
    "of a post-quantum kind": encoded((all) => all, "age1pq"),
    "with a blank": `${key} `,
    "of SSH": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN",
    "the private half": "AGE-SECRET-KEY-1QQPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGQTFFMNS",
    nothing: "",
  };
}
const spellings = Object.keys(
  spellingsOf("age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef"),
);

describe("a key has one spelling:", () => {
  test.for(spellings)("one %s is no request, and costs no call to GitHub (L-24)", async (name) => {
    const { client, fields } = await goodRequest(bench());
    const public_key = spellingsOf(client.publicKey)[name];
    const reply = await client.post("/v1/credentials", { ...fields, public_key });
    await bench().expectDenied(reply, "invalid_request");
    await expect(client.challenge({ public_key })).rejects.toThrow("invalid_request");
    expect(bench().asked).toEqual([]);
  });

  test.for(spellings)(
    "one %s is none in a log: alone it is refused, and nothing beside the honest one (L-24)",
    async (name) => {
      await inEach(bench(), logKinds, async (scene) => {
        const { publicKey } = scene.attacker.client;
        const text = scene.attacker.line.replace(publicKey, spellingsOf(publicKey)[name] ?? "");
        if (scene.kind !== "live feed") {
          const alone = await LogScene.of(bench(), scene.kind);
          alone.message(text);
          expect(await alone.askAsAttacker()).toBe("proof_invalid");
          expect(alone.sessions).toBe(0);
        }
        scene.message(text);
        scene.announce();
        await scene.expectServed();
      });
    },
  );
});
