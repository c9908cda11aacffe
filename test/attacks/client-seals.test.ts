import { armor, Encrypter, generateIdentity, identityToRecipient } from "age-encryption";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { canaries, useClients } from "../harness/clients.ts";
import {
  type Asked,
  answerWith,
  challenge,
  type Reply,
  seal,
  ticket,
} from "../harness/scripted-broker.ts";
import { attempt, expectNothing, role, wayNames } from "../harness/ways.ts";

// A seal hides; it does not tell who sealed. The public key stands in the log for all to use.

const clients = useClients();

let another = "";
beforeAll(async () => {
  another = await identityToRecipient(await generateIdentity());
});

const text = JSON.stringify(canaries);

function keyOf({ body }: Asked): string {
  return String(body.public_key);
}

/** An answer whose sealed part is made so. */
function sealing(make: (asked: Asked) => string | Promise<string>): Reply {
  return async (asked, response) => {
    const sealed = await make(asked);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ credentials: sealed }));
  };
}

async function sealedTo(recipients: string[]): Promise<string> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return armor.encode(await encrypter.encrypt(text));
}

/** A header as it stands in the file; no key can make sense of what follows. */
function headed(...stanzas: string[]): string {
  const lines = ["age-encryption.org/v1", ...stanzas, `--- ${"A".repeat(43)}`, "A".repeat(64)];
  return armor.encode(new TextEncoder().encode(lines.join("\n")));
}

function scrypt(workFactor: number): string {
  return `-> scrypt ${"A".repeat(22)} ${workFactor}\n${"A".repeat(43)}`;
}

const stanza = `-> X25519 ${"A".repeat(43)}\n${"A".repeat(43)}`;

/** The file's bytes, changed, in armor again. */
async function changed({ body }: Asked, change: (bytes: Uint8Array) => Uint8Array) {
  return armor.encode(change(armor.decode(await seal(String(body.public_key), text))));
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.with(at, (bytes[at] ?? 0) ^ 1);
}

const files: Record<string, (asked: Asked) => string | Promise<string>> = {
  "another key": () => seal(another, text),
  "the right key and another": (asked) => sealedTo([keyOf(asked), another]),
  "another key and the right one": (asked) => sealedTo([another, keyOf(asked)]),
  "the right key twice": (asked) => sealedTo([keyOf(asked), keyOf(asked)]),
  "a passphrase that takes hours": () => headed(scrypt(30)),
  "a passphrase beside a key": () => headed(stanza, scrypt(22)),
  "400 keys": () => headed(...Array.from({ length: 400 }, () => stanza)),
  "a plugin's recipient": () => headed(`-> yubikey $(id)\n${"A".repeat(43)}`),
  "no recipient": () => headed(),
  "a cut end": (asked) => changed(asked, (bytes) => bytes.subarray(0, -1)),
  "a cut beginning": (asked) => changed(asked, (bytes) => bytes.subarray(1)),
  "half of it": (asked) => changed(asked, (bytes) => bytes.subarray(0, bytes.length >> 1)),
  "a byte more": (asked) => changed(asked, (bytes) => Uint8Array.of(...bytes, 0)),
  "a changed last byte": (asked) => changed(asked, (bytes) => flipped(bytes, bytes.length - 1)),
  "a changed middle": (asked) => changed(asked, (bytes) => flipped(bytes, bytes.length - 30)),
  "two files in one": async (asked) =>
    (await seal(keyOf(asked), text)) + (await seal(keyOf(asked), text)),
  "no armor": async (asked) =>
    Buffer.from(armor.decode(await seal(keyOf(asked), text))).toString("latin1"),
  "no seal at all": () => text,
  "no text": () => "",
};

describe.concurrent("an age file is opened whole, for one key, or not at all (C-14): it has", () => {
  test.for(Object.keys(files))("%s", async (name) => {
    const make = files[name] ?? String;
    const broker = clients().broker({ credentials: [sealing(make)] });
    const ended = await attempt(await clients().machine(), broker, "shell");
    expectNothing(ended);
    expect(ended).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("the broker's answer cannot be opened with this identity"),
    });
  });
});

describe.concurrent("an answer that is not for this request is not used (C-02):", () => {
  test("what another job got is sealed to another key", async () => {
    const [ours, theirs] = await Promise.all([clients().machine(), clients().machine()]);
    let theirAnswer = "";
    const recording = clients().broker({
      credentials: [sealing(async (asked) => (theirAnswer = await seal(keyOf(asked), text)))],
    });
    expect((await attempt(theirs, recording, "shell")).exitCode).toBe(0);
    const broker = clients().broker({ credentials: [sealing(() => theirAnswer)] });
    expectNothing(await attempt(ours, broker, "shell"));
  });

  test("an old answer to the same key is worth nothing once its credentials have ended", async () => {
    const machine = await clients().machine();
    const honest = clients().broker({ credentials: [answerWith(canaries)] });
    expect((await attempt(machine, honest, "shell")).exitCode).toBe(0);
    const [asked] = honest.journal;
    const old = await seal(
      String(asked?.body.public_key),
      JSON.stringify({ ...canaries, Expiration: new Date(Date.now() - 1).toISOString() }),
    );
    const broker = clients().broker({ credentials: [sealing(() => old)] });
    const ended = await attempt(machine, broker, "shell");
    expectNothing(ended);
    expect(ended.stderr).toContain("they have expired already");
  });

  test.for(wayNames)(
    "credentials of another account are refused by --expect-account, by %s as well",
    async (way) => {
      // The id's account is another one's than the role's.
      const theirs = { ...canaries, AccessKeyId: "ASIAY34FZKBOKMUTVV7A" };
      const broker = clients().broker({ credentials: [answerWith(theirs)] });
      const ended = await attempt(await clients().machine(), broker, way, {
        more: ["--expect-account", "123456789012"],
      });
      expectNothing(ended);
      expect(ended.stderr).toContain("the broker's credentials are another account's");
    },
  );

  test("those of the account that is expected are handed on", async () => {
    const ours = { ...canaries, AccessKeyId: "ASIAY34FZKBOKMUTVV7A" };
    const broker = clients().broker({ credentials: [answerWith(ours)] });
    const more = ["--role", "arn:aws:iam::609629065308:role/x", "--expect-account", "609629065308"];
    const ended = await attempt(await clients().machine(), broker, "shell", { more });
    expect(ended).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("ASIAY34F") });
  });

  test("an id that does not tell its account is refused by --expect-account too", async () => {
    const old = { ...canaries, AccessKeyId: "AKIAIOSFODNN7EXAMPLE" };
    const broker = clients().broker({ credentials: [answerWith(old)] });
    const more = ["--expect-account", "123456789012"];
    const ended = await attempt(await clients().machine(), broker, "shell", { more });
    expectNothing(ended);
    expect(ended.stderr).toContain("do not tell their account");
  });
});

test("the client opens credentials for nobody who hands them over as a ticket (C-02)", async () => {
  // Short, so that no limit of length stands in the way.
  const stolen = JSON.stringify({ ...canaries, SessionToken: "canaryToken/1234" });
  const broker = clients().broker({
    challenges: [
      async (asked, response) => {
        response.writeHead(201, { "content-type": "application/json" });
        response.end(JSON.stringify({ challenge, ticket: await seal(keyOf(asked), stolen) }));
      },
    ],
  });
  const ended = await attempt(await clients().machine(), broker, "shell");
  expectNothing(ended);
  expect(ended.stderr).toContain("the broker's ticket is not well formed");
  expect(broker.journal.map(({ path }) => path)).toEqual(["/v1/challenges"]);
});

test("an honest ticket is opened, and sent to the broker alone, once it is asked for", async () => {
  const machine = await clients().machine();
  const broker = clients().broker({ credentials: [answerWith(canaries)] });
  expect((await attempt(machine, broker, "shell")).exitCode).toBe(0);
  expect(broker.journal.map(({ body }) => body.ticket)).toEqual([undefined, ticket]);
  expect(JSON.stringify(broker.journal)).not.toContain(
    readFileSync(machine.identityFile, "utf8").trim(),
  );
  expect(broker.journal[1]?.body.role).toBe(role);
});
