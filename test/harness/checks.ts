import { expect, vi } from "vitest";
import type { World } from "../world/index.ts";
import type { AuditRecord, Broker } from "./broker.ts";
import type { Job } from "./job.ts";

/** T2: no secret here; the id of an access key, which is none, has it in capitals. What stands around one tells where it came from. */
export function expectNoCanary(text: string): void {
  const at = text.indexOf("canary");
  expect(at < 0 ? undefined : text.slice(Math.max(0, at - 80), at + 86)).toBeUndefined();
}

/** T2: no secret in anything that people or machines may read of the broker and of the jobs. */
export function expectNoLeak(broker: Broker, auditText: string, jobs: readonly Job[]): void {
  const canary = /canary/;
  expect(broker.stdout).not.toMatch(canary);
  expect(broker.stderr).not.toMatch(canary);
  expect(auditText).not.toMatch(canary);
  for (const { stdout, stderr, log, showsCredentials } of jobs.flatMap((job) => job.steps)) {
    expect(log).not.toMatch(canary);
    const written = showsCredentials ? [] : `${stdout}\n${stderr}`.split("\n");
    const shown = written.filter((line) => canary.test(line) && !line.startsWith("::add-mask::"));
    expect(shown).toEqual([]);
    expect(`${stdout}${stderr}`).not.toMatch(/AGE-SECRET-KEY-1[02-9A-Z]/);
  }
}

/** T3: each decision has its one record, and each record its decision. */
export async function expectOneRecordEach(
  broker: Broker,
  from: Since,
  repeated: number,
): Promise<void> {
  await vi.waitFor(() => {
    const decided = broker.log
      .slice(from.log)
      .filter(({ path, code }) => isDecision(path) && code !== "rate_limited")
      .map(({ request_id: id }) => String(id));
    const recorded = broker.audit.slice(from.audit).map(({ request_id: id }) => String(id));
    expect(decided).toEqual(expect.arrayContaining(recorded));
    expect(recorded).toHaveLength(decided.length - repeated);
    expect(new Set(recorded).size).toBe(recorded.length);
  }, 3_000);
}

/** Credentials, renewals and the original's requests; a challenge decides nothing. */
function isDecision(path: unknown): boolean {
  return typeof path === "string" && !path.endsWith("/v1/challenges");
}

/** T1, seen from the other side: what STS gave is what the audit says was given. */
export function expectAllIssuedRecorded(
  { sts }: World,
  records: readonly AuditRecord[],
  lost: number,
): void {
  const issued = sts.issued.map(({ accessKeyId }) => accessKeyId);
  const recorded = records
    .filter(({ decision }) => decision === "allowed")
    .map(({ access_key_id: id }) => id);
  expect(recorded).toHaveLength(issued.length - lost);
  expect(issued).toEqual(expect.arrayContaining(recorded));
}

/** T5: the cookie to the web alone, the token to the API alone, neither to the storage or to AWS. */
export function expectSecretsAtTheirOrigins({ github, sts }: World): void {
  for (const { service, headers } of github.journal) {
    expect([service, headers.cookie]).toEqual([
      service,
      service === "web" ? `user_session=${github.session.cookie}` : undefined,
    ]);
    expect([service, headers.authorization]).toEqual([
      service,
      service === "api" ? `Bearer ${github.token}` : undefined,
    ]);
  }
  expect(JSON.stringify(sts.journal.map(({ headers }) => headers))).not.toMatch(/canary/);
}

const repository = String.raw`/[A-Za-z0-9_-]+/[A-Za-z0-9._-]+`;
const job = String.raw`${repository}/actions/runs/\d+/job`;
const expectedPaths: Readonly<Record<string, RegExp>> = {
  api: new RegExp(
    String.raw`^/(?:repos${repository}/(?:actions/runs(?=\?status=in_progress&)|actions/runs/\d+(?:/attempts/\d+/jobs)?|git/(?:ref|matching-refs|tags)/[^?]+|compare/[^?]+)|rate_limit|app/installations(?:/\d+/access_tokens)?)(?:\?[a-z_=&0-9]+)?$`,
  ),
  web: new RegExp(
    String.raw`^(?:${job}/\d+|${job}s/\d+/steps(?:/[0-9A-Za-z-]+/backscroll)?(?:\?[a-z_=&0-9]+)?|${repository}/commit/[0-9a-f]{40}/checks/\d+/logs/\d+|/settings/[a-z]+)$`,
  ),
  storage: /^\/logs\/\d+\/step-\d+\.txt(?:\?|$)/,
};

/** T5: GitHub is asked for what a decision needs, by reading, and for nothing else. */
export function expectNothingElseAsked({ github }: World): void {
  for (const { service, method, path } of github.journal) {
    if (!path.endsWith("/access_tokens")) expect(method).toBe("GET");
    expect(path).toMatch(expectedPaths[service] ?? /^$/);
  }
}

/** The issuer hears nothing of the broker but that it wants the keys; jobs ask it for tokens. */
export function expectIssuerAskedForKeysAlone({ issuer }: World): void {
  const asked = issuer.journal.filter(({ path }) => !path.startsWith("/idtoken/"));
  for (const { method, path, headers } of asked) {
    expect(`${method} ${path}`).toBe("GET /.well-known/jwks");
    expect([headers.authorization, headers.cookie]).toEqual([undefined, undefined]);
  }
}

/** How much of log and audit was there before a test. */
export interface Since {
  readonly log: number;
  readonly audit: number;
}
