import { createHash } from "node:crypto";
import { Parser } from "htmlparser2";
import { describe, expect, test } from "vitest";
import { grantLike, roleOf } from "../../harness/config.ts";
import { Operated } from "../operated.ts";
import { sendBytes } from "../servers.ts";

const release = grantLike("release", { ref: "refs/heads/release" });

/** A page as a browser reads it: its elements with their attributes, and its texts. */
function read(html: string) {
  const elements: { name: string; attributes: Record<string, string> }[] = [];
  let text = "";
  let inside = "";
  const content = { script: "", style: "" };
  const parser = new Parser({
    onopentag(name, attributes) {
      elements.push({ name, attributes });
      inside = name;
    },
    ontext(part) {
      if (inside === "script" || inside === "style") content[inside] += part;
      else text += part;
    },
    onclosetag: () => (inside = ""),
  });
  parser.end(html);
  return {
    elements,
    text,
    content,
    count: (name: string) => elements.filter((it) => it.name === name).length,
  };
}

async function decided(): Promise<Operated> {
  const it = await Operated.open({ grants: [release] });
  const client = await it.client();
  await client.obtain();
  await client.attempt({ role: roleOf("release") });
  await client.attempt({ role: roleOf("nothing") });
  return it;
}

describe("the page of recent decisions", () => {
  test("has the newest first, each with its checks and with what stopped it", async () => {
    const it = await decided();
    const { text } = await it.get("/");
    const page = read(text);
    expect(page.count("article")).toBe(3);
    const order = ["role/nothing", "role/release", "role/app-deploy"].map((role) =>
      page.text.indexOf(role),
    );
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    const plain = page.text.replace(/\s+/g, " ");
    expect(plain).toContain("Stopped at role. No grant gives this role (role_not_granted).");
    expect(plain).toContain(
      "Stopped at ref. No grant allows this run (no_grant). GitHub says main (not proved). closest grant: release",
    );
    expect(plain).toContain(
      "Job deploy of .github/workflows/deploy.yml wants arn:aws:iam::123456789012:role/app-deploy",
    );
    expect(plain).toMatch(/AWS ✓ passed Session a2a/);
    expect(it.text + text).not.toContain("canary");
  });

  test.each([
    ["?decision=allowed", 1],
    ["?decision=denied", 2],
    ["?grant=app-deploy", 1],
    ["?grant=", 3],
    ["?decision=denied&grant=app-deploy", 0],
    ["?decision=x", 3],
    ["?grant=%3Cscript%3E", 0],
  ])("can be narrowed down: %s", async (query, count) => {
    const it = await decided();
    const page = read((await it.get(`/${query}`)).text);
    expect(page.count("article")).toBe(count);
    expect(page.count("script")).toBe(1);
    const none = page.elements.find(({ attributes }) => attributes.id === "none");
    expect(none?.attributes.hidden !== undefined).toBe(count > 0);
  });

  test("runs and styles nothing but its own", async () => {
    const it = await decided();
    const reply = await it.get("/");
    const { content, elements } = read(reply.text);
    const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    expect(reply.headers.get("content-security-policy")).toBe(
      [
        "default-src 'none'",
        `script-src ${hash(content.script)}`,
        `style-src ${hash(content.style)}`,
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
      ].join("; "),
    );
    for (const { name, attributes } of elements) {
      const odd = Object.keys(attributes).filter((key) => /^on|^style$|^src$|^href$/.test(key));
      expect([name, odd]).toEqual([name, name === "a" ? ["href"] : []]);
      expect(attributes.href ?? "?").toMatch(/^\?/);
    }
    for (const name of [
      "x-content-type-options",
      "referrer-policy",
      "cross-origin-resource-policy",
    ])
      expect(reply.headers.get(name)).not.toBeNull();
  });

  test("is usable without a mouse: links, a labelled choice, headings, names for all of it", async () => {
    const it = await decided();
    const { elements } = read((await it.get("/")).text);
    const ids = new Set(elements.map(({ attributes }) => attributes.id));
    const of = (name: string) => elements.filter((element) => element.name === name);
    expect(of("html")[0]?.attributes.lang).toBe("en");
    expect(of("select").map(({ attributes }) => attributes.id)).toEqual(
      of("label").map(({ attributes }) => attributes.for),
    );
    for (const { attributes } of of("article"))
      expect(ids).toContain(attributes["aria-labelledby"]);
    expect(of("a").filter(({ attributes }) => attributes["aria-current"] === "page")).toHaveLength(
      1,
    );
    expect(elements.filter(({ attributes }) => attributes.tabindex !== undefined)).toEqual([]);
    expect(of("summary")).toHaveLength(3);
  });
});

describe("H-22: what others chose is text and nothing else", () => {
  const names = [
    `<img src=x onerror=alert(1)>`,
    `</script><script>alert(1)</script>`,
    `</style><style>*{display:none}</style>`,
    `" onmouseover="alert(1)`,
    `' autofocus onfocus='alert(1)`,
    `&lt;script&gt;`,
    "<!--",
    "${alert(1)}",
    'deploy\n{"decision":"allowed"}',
  ];

  test.each(names)("a job named %j", async (name) => {
    const it = await Operated.open();
    const { github } = it.world;
    const run = github.addRun(it.golden.repository, { path: `.github/workflows/${name}.yml` });
    const job = github.addJob(run, { name });
    github.addStep(job);
    const before = read((await it.get("/")).text);
    const reply = await (await it.client(job)).attempt();
    expect(reply.status).toBe(403);
    const after = read((await it.get("/")).text);
    expect(after.text).toContain(name.replace("\n", "\\u{a}"));
    // One article, made of our own elements.
    expect(after.count("article")).toBe(1);
    expect(after.content).toEqual(before.content);
    for (const element of ["img", "script", "style"])
      expect(after.count(element)).toBe(before.count(element));
    const attributes = after.elements.flatMap((element) => Object.keys(element.attributes));
    expect(attributes.filter((key) => key.startsWith("on") || key === "autofocus")).toEqual([]);
    // The fragment that a page already open gets is no different.
    const fragment = read((await it.get("/decisions?after=")).text);
    expect(fragment.count("article")).toBe(1);
    expect(fragment.count("script") + fragment.count("img") + fragment.count("style")).toBe(0);
  });

  test("what is invisible or turns a line round is spelt out, and what is long is cut", async () => {
    const it = await Operated.open();
    const { github } = it.world;
    const job = github.addJob(github.addRun(it.golden.repository), {
      name: `a\u202Eb\u200Bc\u0007${"x".repeat(400)}`,
    });
    github.addStep(job);
    await (await it.client(job)).attempt();
    const { text } = read((await it.get("/")).text);
    expect(text).toContain("a\\u{202e}b\\u{200b}c\\u{7}x");
    expect(text).toContain("… (406 characters)");
    expect(text).not.toMatch(/[\u202E\u200B\u0007]|x{201}/);
  });
});

describe("a page that is open gets what is newer", () => {
  test("and only that", async () => {
    const it = await decided();
    const first = await it.get("/decisions?after=");
    const cursor = first.headers.get("x-cursor") ?? "";
    expect(first.headers.get("x-anew")).toBe("yes");
    expect(read(first.text).count("article")).toBe(3);
    const none = await it.get(`/decisions?after=${cursor}`);
    expect([none.headers.get("x-anew"), read(none.text).count("article")]).toEqual(["no", 0]);
    await (await it.client()).attempt({ role: roleOf("nothing") });
    const one = await it.get(`/decisions?after=${cursor}`);
    expect(read(one.text).count("article")).toBe(1);
    const filtered = await it.get(`/decisions?after=${cursor}&decision=allowed`);
    expect(read(filtered.text).count("article")).toBe(0);
  });

  test("and all of it after a restart, or when it says what can't be", async () => {
    const it = await decided();
    for (const after of ["000000000000.2", "x", ".1", "1e3", "%00"]) {
      const reply = await it.get(`/decisions?after=${after}`);
      expect([reply.headers.get("x-anew"), read(reply.text).count("article")]).toEqual(["yes", 3]);
    }
  });
});

describe("the admin listener", () => {
  test("keeps the last 200", async () => {
    const it = await Operated.open();
    const client = await it.client();
    for (let times = 0; times < 21; times++)
      await Promise.all(Array.from({ length: 10 }, () => client.post("/v1/credentials", {})));
    const page = read((await it.get("/")).text);
    expect(page.count("article")).toBe(200);
    expect(page.text).toContain("210 since the start");
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS"])(
    "only tells: %s is not for it",
    async (method) => {
      const it = await Operated.open();
      const reply = await fetch(`${it.broker.adminUrl}/`, { method });
      expect(reply.status).toBe(405);
      expect(reply.headers.get("access-control-allow-origin")).toBeNull();
    },
  );

  test("H-16: on loopback it answers to names of loopback alone", async () => {
    const it = await Operated.open();
    const { host, port } = new URL(it.broker.adminUrl ?? "");
    for (const [name, status] of [
      [host, 200],
      [`localhost:${port}`, 200],
      [`LOCALHOST:${port}`, 200],
      [`[::1]:${port}`, 200],
      ["rebound.example.com", 421],
      [`127.0.0.1.example.com:${port}`, 421],
      ["", 421],
    ] as const) {
      const answer = await sendBytes(
        it.broker.adminUrl ?? "",
        `GET /healthz HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`,
      );
      expect([name, Number(answer.split(" ")[1])]).toEqual([
        name,
        name === "" ? expect.any(Number) : status,
      ]);
      if (status === 421) expect(answer).not.toContain("alive");
    }
  });

  test("beyond loopback is allowed, with a warning", async () => {
    const it = await Operated.open({ options: { adminListen: "0.0.0.0:0" } });
    expect(it.log).toContainEqual(
      expect.objectContaining({
        level: 40,
        msg: expect.stringContaining("--admin-listen is open"),
      }),
    );
    const { port } = new URL(it.broker.adminUrl ?? "");
    const asked = await fetch(`http://127.0.0.1:${port}/healthz`);
    expect(asked.status).toBe(200);
  });

  test("with --simulate-aws it stays on loopback", async () => {
    const options = { adminListen: "0.0.0.0:0", simulateAws: true };
    await expect(Operated.open({ options })).rejects.toThrow("loopback alone");
  });

  test.each(["9090", "x", "127.0.0.1:99999"])("needs an address: %s", async (adminListen) => {
    await expect(Operated.open({ options: { adminListen } })).rejects.toThrow(
      "--admin-listen must be HOST:PORT",
    );
  });

  test("answers at once when the broker stops, and is gone after it", async () => {
    const it = await Operated.open();
    const url = it.broker.adminUrl ?? "";
    const barrier = it.world.sts.barrier(/./);
    const asked = (await it.client()).attempt();
    await barrier.arrived;
    const stopped = it.broker.stop();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    barrier.release();
    expect((await asked).status).toBe(200);
    await stopped;
    await expect(fetch(`${url}/healthz`)).rejects.toThrow("fetch failed");
  });
});
