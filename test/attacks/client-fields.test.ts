import { describe, expect, test } from "vitest";
import { canaries, useClients } from "../harness/clients.ts";
import { spoiled } from "../harness/hostile.ts";
import { answerWith } from "../harness/scripted-broker.ts";
import { attempt, expectNothing } from "../harness/ways.ts";

const clients = useClients();

const sealedFields = [
  "AccessKeyId",
  "SecretAccessKey",
  "SessionToken",
  "Expiration",
  "RenewalToken",
] as const;

describe.concurrent("one field of the credentials spoils them all: nothing is written (C-01):", () => {
  const cases = sealedFields.flatMap((field) =>
    Object.keys(spoiled).map((how) => [field, how] as const),
  );
  test.for(cases)("%s with %s", async ([field, how]) => {
    const value = spoiled[how]?.(canaries[field]);
    const broker = clients().broker({ credentials: [answerWith({ ...canaries, [field]: value })] });
    const ended = await attempt(await clients().machine(), broker, "shell");
    expectNothing(ended);
    expect(ended).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`credentials are not used: ${field} is not`),
    });
  });
});

describe.concurrent("credentials are not used, and nothing is written, when (C-01)", () => {
  test.for([
    ["a field is missing", JSON.stringify({ ...canaries, SessionToken: undefined })],
    [
      "they are from another day",
      JSON.stringify({ ...canaries, Expiration: "2020-01-01T00:00:00Z" }),
    ],
    [
      "they end on no day at all",
      JSON.stringify({ ...canaries, Expiration: "2099-99-99T00:00:00Z" }),
    ],
    ["a number is too large for the date", JSON.stringify({ ...canaries, Expiration: 1e300 })],
    ["they are a list", JSON.stringify([canaries])],
    ["they are a string", JSON.stringify(JSON.stringify(canaries))],
    ["they are nothing", "null"],
    ["text follows", `${JSON.stringify(canaries)}\nexport PATH=/tmp`],
    [
      "the second of two fields of a name is bad",
      `{"AccessKeyId":"${canaries.AccessKeyId}",${JSON.stringify(canaries).slice(1, -1)},"AccessKeyId":"$(id)"}`,
    ],
    [
      "they stand in a prototype",
      JSON.stringify({ x: 1 }).replace('"x":1', `"__proto__":${JSON.stringify(canaries)}`),
    ],
  ] as const)("%s", async ([, text]) => {
    const broker = clients().broker({ credentials: [answerWith(text)] });
    const ended = await attempt(await clients().machine(), broker, "shell");
    expectNothing(ended);
    expect(ended.stderr).toContain("the broker's credentials are not used: ");
  });
});
