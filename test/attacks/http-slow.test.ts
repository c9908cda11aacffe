import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { alone } from "../harness/alone.ts";
import type { Bench } from "../harness/bench.ts";
import {
  Connection,
  exchange,
  requestText,
  residentMiB,
  statusesIn,
} from "../harness/connection.ts";
import { codeOf, goodRequest, send } from "../harness/requests.ts";
import { wideLimits } from "../harness/config.ts";

// H-17. Times are the broker's bounds, with what a loaded machine may add.

const head = "POST /v1/credentials HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
const gibibyte = 2 ** 30;
const mebibyte = 2 ** 20;

const attacks = { attacks: true, settings: wideLimits };

/** Honest jobs, one after the other, for as long as something else lasts; how many were served. */
async function serveMeanwhile(bench: Bench, other: Promise<unknown>): Promise<number> {
  const over = new AbortController();
  void other.finally(() => over.abort());
  let served = 0;
  while (!over.signal.aborted) {
    await bench.expectGolden();
    served++;
  }
  return served;
}

describe.concurrent("who never comes to an end is given up, while others are served (H-17):", () => {
  test(
    "slow headers, slow bodies, and connections that say nothing",
    { timeout: 60_000 },
    alone(async (bench) => {
      const { url } = bench.broker;
      const open = (): Connection => new Connection(url);
      const slow = { header: open(), headers: open(), body: open(), chunks: open() };
      slow.header.drip(`${head}x-a: bbb`, 100);
      slow.headers.drip(`${head}${"x: y\r\n".repeat(1_000)}`, 50);
      slow.body.say(`${head}content-length: 20000\r\n\r\n`);
      slow.body.drip('{"repository":"aaa', 100);
      slow.chunks.say(`${head}transfer-encoding: chunked\r\n\r\n`);
      slow.chunks.drip("1\r\n \r\n".repeat(1_000), 50);
      const silent = Array.from({ length: 500 }, open);
      const halfway = Array.from({ length: 200 }, open);
      for (const connection of halfway) connection.say(`${head}content-length: 2\r\n\r\n{`);
      const all = [...Object.values(slow), ...silent, ...halfway];
      const ends = Promise.all(all.map(({ ended }) => ended));
      expect(await serveMeanwhile(bench, ends)).toBeGreaterThan(3);
      for (const { text, milliseconds } of await ends) {
        expect([[], ["408"]]).toContainEqual(statusesIn(text));
        expect(milliseconds).toBeGreaterThan(5_000);
        expect(milliseconds).toBeLessThan(30_000);
      }
      const told = await Promise.all(Object.values(slow).map(({ ended }) => ended));
      expect(told.map(({ text }) => statusesIn(text))).toEqual([
        ["408"],
        ["408"],
        ["408"],
        ["408"],
      ]);
    }, attacks),
  );

  test(
    "who breaks off in the middle is no fault of the broker's, whose log has no error of it (H-17)",
    alone(async (bench) => {
      const bodies = ["content-length: 20\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n5\r\n{"];
      const paths = ["/v1/credentials", "/v1/challenges", "/v1/renewals", "/"];
      for (const path of paths)
        for (const body of bodies) {
          const connection = new Connection(bench.broker.url);
          connection.say(head.replace("/v1/credentials", path) + body);
          // Somebody else is answered, so that the broker has begun with it.
          await bench.expectGolden();
          connection.end();
        }
      await bench.expectGolden();
      expect(bench.broker.log.filter(({ level }) => Number(level) > 40)).toEqual([]);
    }, attacks),
  );

  test(
    "a gibibyte of body or headers, and chunks without an end, are cut short, and fill no memory",
    { timeout: 60_000 },
    alone(async (bench) => {
      await bench.expectGolden();
      const before = residentMiB(bench.broker.pid);
      const chunked = `${head}transfer-encoding: chunked\r\n\r\n`;
      const floods = [
        [`${head}content-length: ${gibibyte}\r\n\r\n`, "x", "413"],
        [`${head}content-length: ${gibibyte}\r\n\r\n`, '{"a":', "413"],
        [chunked, `8000\r\n${"x".repeat(0x8000)}\r\n`, "413"],
        [chunked, "1\r\n \r\n", "413"],
        [chunked, `1;${"a".repeat(4_000)}\r\n \r\n`, "413"],
        [`${head}x-a: `, "x", "431"],
        [head, "x-a: b\r\n", "431"],
        ["POST /", "x", "431"],
        [
          head.replace("application/json", "text/plain") + `content-length: ${gibibyte}\r\n\r\n`,
          "x",
          "415",
        ],
        [head.replace("v1", "v2") + `content-length: ${gibibyte}\r\n\r\n`, "x", "404"],
      ] as const;
      const connections = floods.map(([begin, endless]) => {
        const connection = new Connection(bench.broker.url);
        connection.say(begin);
        connection.pour(endless, gibibyte);
        return connection;
      });
      let most = 0;
      const watching = setInterval(
        () => (most = Math.max(most, residentMiB(bench.broker.pid))),
        50,
      );
      const ends = Promise.all(connections.map(({ ended }) => ended));
      expect(await serveMeanwhile(bench, ends)).toBeGreaterThan(0);
      clearInterval(watching);
      const statuses = (await ends).map(({ text }) => statusesIn(text)[0]);
      expect(statuses).toEqual(floods.map(([, , status]) => status));
      expect(connections.filter(({ said }) => said >= gibibyte)).toEqual([]);
      expect(most - before).toBeLessThan(128);
    }, attacks),
  );

  test(
    "ten thousand headers are refused, and a hundred are not",
    alone(async (bench) => {
      const { fields } = await goodRequest(bench);
      const header = (count: number) => Array.from({ length: count }, (_, at) => `x-${at}: b`);
      const withHeaders = (count: number) =>
        exchange(
          bench.broker.url,
          requestText("/v1/credentials", JSON.stringify(fields), { headers: header(count) }),
        );
      expect(statusesIn(await withHeaders(10_000))).toEqual(["431"]);
      expect(bench.records).toEqual([]);
      expect(statusesIn(await withHeaders(100))).toEqual(["200"]);
    }, attacks),
  );

  test(
    "a compressed body is not unpacked",
    alone(async (bench) => {
      const { fields } = await goodRequest(bench);
      const before = residentMiB(bench.broker.pid);
      const bodies = [JSON.stringify(fields), " ".repeat(20 * mebibyte)].map((body) =>
        gzipSync(body).toString("latin1"),
      );
      for (const body of bodies)
        for (const encoding of ["gzip", "x-gzip", "deflate", "br", "gzip, gzip"]) {
          const connection = new Connection(bench.broker.url);
          const text = requestText("/v1/credentials", "", {
            headers: [`content-encoding: ${encoding}`],
          });
          connection.say(
            Buffer.from(text.replace("length: 0", `length: ${body.length}`) + body, "latin1"),
          );
          expect(statusesIn((await connection.ended).text)).toEqual(["400"]);
        }
      expect(bench.world.sts.journal).toEqual([]);
      expect(residentMiB(bench.broker.pid) - before).toBeLessThan(128);
    }, attacks),
  );

  test(
    "JSON that is nested too deep, or too large, is not JSON of ours",
    alone(async (bench) => {
      const nest = (open: string, close: string, depth: number) =>
        open.repeat(depth) + close.repeat(depth);
      const deep = [
        nest("[", "]", 16_000),
        nest('{"a":', "}", 5_000).replace("}", "1}"),
        `{"repository":${nest("[", "]", 16_000)}}`,
        `{"job":${nest('{"job":', "}", 3_000).replace("}", "1}")}}`,
        "[".repeat(32_000),
        '{"a":'.repeat(6_000),
        `{"a":"${"\\u0041".repeat(5_000)}"}`,
        `{"a":${"9".repeat(30_000)}}`,
        `{${'"a":1,'.repeat(5_000)}"a":1}`,
      ];
      const tooLarge = [nest("[", "]", 100_000), " ".repeat(mebibyte), '{"a":'.repeat(100_000)];
      for (const path of ["/v1/credentials", "/v1/challenges", "/v1/renewals", "/"]) {
        for (const body of deep)
          expect(codeOf(await send(bench, path, body))).toBe("invalid_request");
        for (const body of tooLarge) {
          const answer = await exchange(bench.broker.url, requestText(path, body));
          expect(statusesIn(answer)).toEqual(["413"]);
        }
      }
      await bench.expectGolden();
    }, attacks),
  );
});
