import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { nameGrants, nameScenes, nameTables } from "./scenes/names.ts";
import { play, playTables, runOf } from "./scenes/scene.ts";

const bench = useBench({ grants: nameGrants, attacks: true });

// G-15, G-16: names are compared code point by code point, and only A to Z are folded where case does not count.
describe("of names,", () => {
  play(bench, nameScenes);
  playTables(bench, nameTables);
});

test.for([
  "ac\u212Ae/app",
  "acme/a\u017Fp",
  "\uFF41cme/app",
  "acme/app\u200B",
  "acme/\u0430pp",
  "acme /app",
])("a repository that is called %j is none, and nobody is asked for it (G-15)", async (name) => {
  const client = await bench().client();
  const reply = await client.post("/v1/challenges", { ...client.who, repository: name });
  expect(reply).toMatchObject({ status: 400, json: { code: "invalid_request" } });
  const answer = await client.ask({ ticket: "x" }, { repository: name });
  await bench().expectDenied(answer, "invalid_request");
  expect(bench().asked).toEqual([]);
});

test("a key in a step that only looks like the pinned one is not seen, ever so long (G-16)", async () => {
  const asked = ["assume role\u200B", "\u0430ssume role", "assume\u00A0role", "assume role "].map(
    async (name) => {
      const job = runOf(bench());
      bench().world.github.addStep(job, { name });
      const client = await bench().client(job);
      const challenge = await client.challenge();
      client.announce(challenge, name);
      return client.ask(challenge);
    },
  );
  for (const reply of await Promise.all(asked)) await bench().expectDenied(reply, "proof_pending");
});
