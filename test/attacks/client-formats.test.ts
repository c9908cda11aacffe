import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { canaries, useClients } from "../harness/clients.ts";
import { spoiled } from "../harness/hostile.ts";
import { answerWith, problem, type Reply, seal } from "../harness/scripted-broker.ts";
import { attempt, expectNothing, requestOf, type WayName, wayNames } from "../harness/ways.ts";

const clients = useClients();

/** What an honest answer leaves behind, on stdout or in a file. */
const traces: Record<WayName, string> = {
  shell: `export AWS_SECRET_ACCESS_KEY='${canaries.SecretAccessKey}';`,
  "github-env": `\n${canaries.SecretAccessKey}\nghadelimiter_`,
  "github-output": `\n${canaries.SecretAccessKey}\nghadelimiter_`,
  json: `"AWS_SECRET_ACCESS_KEY":"${canaries.SecretAccessKey}"`,
  "credential-process": `"SecretAccessKey":"${canaries.SecretAccessKey}"`,
  dotenv: `AWS_SECRET_ACCESS_KEY=${canaries.SecretAccessKey}\n`,
  powershell: `$env:AWS_SECRET_ACCESS_KEY = '${canaries.SecretAccessKey}'`,
  "--profile": "[deploy]\ncredential_process = ",
  "-- command": `AWS_SECRET_ACCESS_KEY=${canaries.SecretAccessKey}\n`,
  "--refresh -- command": "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:",
};

describe.concurrent("an honest answer is handed on", () => {
  test.for(wayNames)("by %s", async (way) => {
    const broker = clients().broker({ credentials: [answerWith(canaries)] });
    const { exitCode, stdout, before, after } = await attempt(
      await clients().machine(),
      broker,
      way,
    );
    expect(exitCode).toBe(0);
    const changed = Object.entries(after).filter(([file, content]) => before[file] !== content);
    expect([stdout, ...changed.map(([, content]) => content)].join("\n")).toContain(traces[way]);
  });
});

const sealedToAnother: Reply = async (_asked, response) => {
  const other = await identityToRecipient(await generateIdentity());
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ credentials: await seal(other, JSON.stringify(canaries)) }));
};

const attacks: Record<string, Reply> = {
  "a variable behind a line end": answerWith({
    ...canaries,
    SessionToken: spoiled["a variable in a second line"]?.(canaries.SessionToken),
  }),
  "a quote and a command": answerWith({
    ...canaries,
    AccessKeyId: spoiled["a quote and a command"]?.(canaries.AccessKeyId),
  }),
  "a renewal token that is none": answerWith({ ...canaries, RenewalToken: "$(id)" }),
  "credentials that are over": answerWith({ ...canaries, Expiration: "2020-01-01T00:00:00Z" }),
  "an answer for another key": sealedToAnother,
  "a redirect": { status: 307, headers: { location: "http://127.0.0.1:1/" } },
  "a refusal": problem(403, "no_grant"),
};

describe.concurrent.for(wayNames)("by %s nothing is handed on (C-01)", (way) => {
  test.for(Object.keys(attacks))("after %s", async (name) => {
    const broker = clients().broker({ credentials: [attacks[name] ?? problem(500, "")] });
    expectNothing(await attempt(await clients().machine(), broker, way));
  });
});

/** Whether the environment is as it was, and how `eval` ended. */
function evaluating(substitution: string): string {
  return `before=$(env | sort)
eval ${substitution}
status=$?
[ "$before" = "$(env | sort)" ] && echo same
echo "status $status"`;
}

describe.concurrent.for(["bash", "dash"])(
  "eval in %s fails, and does nothing else (C-01), after",
  (shell) => {
    test.for([
      "a variable in a second line",
      "a quote and a command",
      "a command substitution",
      "backticks",
      "all else that a shell reads",
    ])("%s", async (how) => {
      const fields = Object.entries(canaries).map(([name, good]) => [name, spoiled[how]?.(good)]);
      for (const substitution of ['$("$program" $words)', '"$("$program" $words)"']) {
        const broker = clients().broker({ credentials: [answerWith(Object.fromEntries(fields))] });
        const machine = await clients().machine();
        const before = machine.files();
        const words = requestOf(broker, "shell").join(" ");
        const options = { shell: [shell], env: { words } } as const;
        const { stdout } = await machine.run([evaluating(substitution)], options);
        expect(stdout).toBe("same\nstatus 1\n");
        expect(machine.files()).toEqual(before);
      }
    });
  },
);

test("whatever is put into whichever field, nothing comes of it (C-01)", async () => {
  const bad = fc.string({
    unit: fc.constantFrom(..."\n\r'\"$`\\;&|<>*?(){}!# %\0\u001b\u2028é@ABCabc019".split("")),
    minLength: 1,
    maxLength: 12,
  });
  const spoiling = fc.record({
    field: fc.constantFrom(...(Object.keys(canaries) as (keyof typeof canaries)[])),
    at: fc.nat(20),
    inserted: bad.filter((text) => /[^A-Za-z0-9]/.test(text)),
    way: fc.constantFrom<WayName>("shell", "github-env", "dotenv", "credential-process"),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(spoiling, { minLength: 4, maxLength: 4 }), async (batch) => {
      await Promise.all(
        batch.map(async ({ field, at, inserted, way }) => {
          const good = canaries[field];
          const value = good.slice(0, at) + inserted + good.slice(at);
          const credentials = [answerWith({ ...canaries, [field]: value })];
          expectNothing(
            await attempt(await clients().machine(), clients().broker({ credentials }), way),
          );
        }),
      );
    }),
    { numRuns: 8, endOnFailure: true },
  );
});
