import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { expectNoCanary } from "../harness/checks.ts";
import {
  calls,
  expectInOrder,
  faultBench,
  insist,
  journeys,
  newCase,
} from "../harness/fault-scene.ts";

// What GitHub answers with may lead anywhere: cookie and token must not go along.

const bench = useBench(faultBench);

/** A server of somebody's, which writes down what it is sent. */
interface Other {
  readonly url: string;
  readonly server: Server;
}
const sent: { url: string; headers: IncomingHttpHeaders }[] = [];
let others: Other[] = [];

async function open(host: string): Promise<Other> {
  const server = createServer((request, response) => {
    const url = `http://${request.headers.host}${request.url}`;
    sent.push({ url, headers: request.headers });
    // It leads on, to see whether it is followed.
    response.writeHead(302, { location: `${others[0]?.url}/on` }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return { url: `http://${host}:${(server.address() as AddressInfo).port}`, server };
}

beforeAll(async () => {
  // Another port, another host, a name.
  others = await Promise.all(["127.0.0.1", "127.0.0.2", "localhost"].map(open));
});
beforeEach(() => void (sent.length = 0));
afterAll(() => {
  for (const { server } of others) server.close();
});

const statuses = [301, 302, 303, 307, 308];
const table = (Object.keys(journeys) as (keyof typeof journeys)[]).flatMap((journey) =>
  Object.entries(calls[journey]).map(([name, call], at) => ({ journey, name, call, at })),
);

describe("a redirect is not followed (F-01)", () => {
  test.for(table)(
    "of $name, for a $journey: nobody else hears of it, and nothing is issued",
    async ({ journey, name, call, at }) => {
      if (call.once) await bench().restart();
      const it = await newCase(bench());
      const begin = await journeys[journey](it, call);
      const { sts } = bench().world;
      const before = sts.issued.length;
      const status = statuses[at % statuses.length] ?? 302;
      const target = others[at % others.length]?.url ?? "";
      const match = call.match(it.job);
      const fault = call.service(bench()).fault({ match, status, redirect: `${target}/else` });
      const ask = await begin();
      const reply = await ask();
      fault.remove();
      expect(reply.status).toBeGreaterThanOrEqual(400);
      expect(reply.text).not.toContain("AGE ENCRYPTED");
      const lost = sts.issued.length - before;
      bench().lostAnswers = lost;
      expect(lost).toBe(name === "AssumeRole" ? fault.used : 0);
      expect(fault.used).toBeGreaterThan(0);
      // The log's storage is elsewhere by design: it is gone to, once, and shown nothing.
      const follows = name === "stored log";
      expect(sent.map(({ url }) => url)).toEqual(follows ? [`${target}/else`] : []);
      for (const { headers } of sent) {
        expect(headers).not.toHaveProperty("cookie");
        expect(headers).not.toHaveProperty("authorization");
        expectNoCanary(JSON.stringify(headers));
      }
      await expectInOrder(it, await insist(ask), { lost });
    },
  );
});

describe("the storage of a log is an http address on loopback, as this GitHub's is, and not (F-01)", () => {
  const addresses: Record<string, (url: URL) => string> = {
    "one with a name and password": ({ host }) => `http://user:password@${host}/`,
    "a host of the outside": () => "http://storage.example.com/",
    "a subdomain of this machine's name": ({ port }) => `http://sub.localhost:${port}/`,
    "this machine by its other name": ({ port }) => `http://0.0.0.0:${port}/`,
    "another protocol": ({ host }) => `ftp://${host}/`,
    "a file": () => "file:///etc/passwd",
  };
  test.for(Object.entries(addresses))("%s", async ([, make]) => {
    const it = await newCase(bench());
    const call = calls.request["stored log"];
    if (call === undefined) throw new Error("there is no such call");
    const redirect = make(new URL(others[0]?.url ?? ""));
    const match = call.match(it.job);
    const fault = call.service(bench()).fault({ match, redirect });
    const ask = await (await journeys.request(it, call))();
    await bench().expectDenied(await ask(), "github_unavailable");
    fault.remove();
    expect(sent).toEqual([]);
  });
});
