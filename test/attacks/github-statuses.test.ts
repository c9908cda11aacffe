import { describe, expect, test, vi } from "vitest";
import type { Fault } from "../world/index.ts";
import { alone } from "../harness/alone.ts";
import { endpoints, endpointsGrant, sceneAt } from "../harness/endpoints.ts";
import { bodyOf, codeOf } from "../harness/requests.ts";
import { wideLimits } from "../harness/config.ts";

// What a check needs of GitHub and does not get is never a pass; and what GitHub says instead stays here.

const statuses = [201, 202, 204, 206, 300, 302, 304, 400, 401, 403, 404, 410, 418, 451, 500, 503];
const html = "<!DOCTYPE html><html><body>canary</body></html>";
const bodies = ["{}", "null", "[]", "", "0", '"canary"', '{"canary":', html];

interface Case {
  /** A status, or `200` and the body. */
  readonly key: string;
  readonly fault: Fault;
}

const cases: readonly Case[] = [
  ...statuses.map((status, at) => ({
    key: String(status),
    fault: { status, body: bodies[at % bodies.length] ?? "" },
  })),
  ...bodies.map((body) => ({ key: `200 ${body}`, fault: { status: 200, body } })),
  ...[201, 203, 206, 410].map((status) => ({
    key: `${status} with the right body`,
    fault: { statusAlone: status },
  })),
  { key: "cut", fault: { truncate: true } },
  { key: "reset", fault: { reset: true } },
];

/** None of these is the right answer with another's ETag. */
function headersOf({ body = "" }: Fault, at: number): Record<string, string> {
  return { etag: `"case-${at}"`, "content-type": body === html ? "text/html" : "application/json" };
}

describe.concurrent("GitHub answers with any of 30 things that are wrong, and AWS is not asked until it is right again (H-02, H-14), when it is asked for", () => {
  test.for(Object.entries(endpoints))("%s", { timeout: 120_000 }, ([, endpoint]) =>
    alone(
      async (bench) => {
        bench.world.github.budget.limit = 1_000_000;
        const service = endpoint.of(bench);
        const all = await Promise.all(
          cases.map(async ({ key, fault }, at) => {
            const scene = await sceneAt(bench, endpoint, `case-${at}`);
            const match = endpoint.path(scene);
            const handle = service.fault({ match, headers: headersOf(fault, at), ...fault });
            const expected = endpoint.means[key] ?? "github_unavailable";
            return { key, expected, scene, handle };
          }),
        );
        const outcomes = await Promise.all(
          all.map(async ({ key, expected, scene, handle }) => {
            const reply = await scene.ask();
            expect([key, handle.used > 0]).toEqual([key, true]);
            return { key, expected, code: codeOf(reply) ?? "served", reply };
          }),
        );
        const wrong = outcomes.filter(({ code, expected }) => code !== expected);
        expect(wrong.map(({ key, code, expected }) => [key, code, expected])).toEqual([]);
        const denied = outcomes.filter(({ code }) => code !== "served");
        const recorded = new Map(bench.records.map((record) => [record.request_id, record]));
        for (const { reply, code } of denied) {
          expect(reply.headers.get("content-type")).toBe("application/problem+json");
          expect(recorded.get(bodyOf(reply).request_id)).toMatchObject({
            decision: "denied",
            code,
          });
        }
        expect(bench.world.sts.issued).toHaveLength(outcomes.length - denied.length);

        for (const { handle } of all) handle.remove();
        const again = { timeout: 30_000, interval: 500 };
        await Promise.all(
          all
            .filter(({ expected }) => expected !== "served")
            .map(({ scene }) =>
              vi.waitFor(async () => expect((await scene.ask()).status).toBe(200), again),
            ),
        );
        await bench.expectGolden();
      },
      { attacks: true, grants: [endpointsGrant], settings: wideLimits },
    )(),
  );
});
