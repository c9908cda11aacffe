import { describe, expect, test } from "vitest";
import { codes, statusOf } from "../../src/core/errors.ts";
import { type AppParts, createApp } from "../../src/server/app.ts";
import { openApiDocument } from "../../src/server/openapi/document.ts";
import { ApiDocument } from "./api-document.ts";
import { Client, goldenGrant, Stage } from "./broker.ts";

const document = new ApiDocument(openApiDocument("").text);

describe("the document", () => {
  test("is OpenAPI 3.1 with what every tool asks for", () => {
    expect(document.root).toMatchObject({
      openapi: expect.stringMatching(/^3\.1\.\d+$/),
      info: { title: "actions2aws", version: expect.any(String), license: { name: "MIT" } },
      servers: [{ url: "/" }],
    });
    expect(new Set(document.operationIds).size).toBe(document.routes.length);
  });

  test("has nothing that leads nowhere, and no component that nothing leads to", () => {
    for (const reference of document.references)
      expect(document.resolve(reference), reference).toBeDefined();
    const { schemas, headers } = document.root["components"] as Record<string, object>;
    const components = Object.entries({ schemas, headers }).flatMap(([kind, named]) =>
      Object.keys(named ?? {}).map((name) => `#/components/${kind}/${name}`),
    );
    expect(new Set(document.references)).toEqual(new Set(components));
  });

  test("has an example for each body, and each of them fits", () => {
    const withSchema = document.contents.filter(({ schema }) => schema !== undefined);
    expect(withSchema.length).toBeGreaterThan(20);
    for (const { at, schema, examples } of withSchema) {
      expect(examples.length, at).toBeGreaterThan(0);
      for (const example of examples) expect(document.faults(schema, example), at).toEqual([]);
    }
  });

  test("has every code, with its status and its looks", () => {
    const examples = document.contents
      .filter(({ at }) => at.endsWith("/application/problem+json"))
      .flatMap((content) => content.examples as { code: string; status: number }[]);
    const found = new Map(examples.map(({ code, status }) => [code, status]));
    expect(found).toEqual(new Map(codes.map((code) => [code, statusOf(code)])));
  });

  test.each([
    ["an unknown field", { more: 1 }],
    ["no public key", { public_key: undefined }],
    ["a public key with an odd letter", { public_key: `age1${"b".repeat(58)}` }],
    ["a run id below 1", { run_id: 0 }],
    ["a run id of 2^53", { run_id: 2 ** 53 }],
    ["a run id that is no number", { run_id: "12a" }],
    ["a repository without its owner", { repository: "shop" }],
    ["neither ticket nor token", { ticket: undefined }],
    ["a job that is not named", { job: {} }],
    ["a role in no account", { role: "arn:aws:iam::1:role/x" }],
    ["too long a session", { duration_seconds: 43_201 }],
  ])("its schema of a request turns away %s", (_, change) => {
    const schema = { $ref: "#/components/schemas/CredentialRequest" };
    const [example] =
      document.contents.find(({ at }) => at.includes("/v1/credentials/post/requestBody"))
        ?.examples ?? [];
    const changed = JSON.parse(JSON.stringify({ ...Object(example), ...change })) as unknown;
    expect(document.faults(schema, example)).toEqual([]);
    expect(document.faults(schema, changed)).not.toEqual([]);
  });
});

describe("the routes of the app", () => {
  const routesOf = (basePath: string): Set<string> => {
    const app = createApp({ basePath } as AppParts);
    const own = app.routes.filter(({ method }) => method !== "ALL");
    return new Set(own.map(({ method, path }) => `${method} ${path}`));
  };

  test("are those of the document", () => {
    expect(routesOf("")).toEqual(new Set(document.routes));
  });

  test("stand below the path of public_url as well, which the document then names", () => {
    const based = new ApiDocument(openApiDocument("/broker").text);
    expect(based.root["servers"]).toEqual([{ url: "/broker" }]);
    const below = based.routes.map((route) => route.replace(" /", " /broker/"));
    expect(routesOf("/broker")).toEqual(new Set([...document.routes, ...below, "POST /broker"]));
  });
});

describe("GET /openapi.json", () => {
  test("gives the document to anybody, and caches may keep it", async () => {
    const stage = await Stage.open();
    const reply = await fetch(`${stage.url}/openapi.json`);
    expect(reply.status).toBe(200);
    expect(reply.headers.get("content-type")).toBe("application/json");
    expect(reply.headers.get("cache-control")).toBe("public, max-age=3600");
    expect(reply.headers.get("x-content-type-options")).toBe("nosniff");
    const text = await reply.text();
    expect(text).toBe(openApiDocument("").text);
    expect(text).not.toMatch(/canary|acme\/app/);
  });

  test("answers 304 to who has it, and again to who has another", async () => {
    const stage = await Stage.open();
    const etag = (await fetch(`${stage.url}/openapi.json`)).headers.get("etag") ?? "";
    const asked = (tag: string) =>
      fetch(`${stage.url}/openapi.json`, { headers: { "if-none-match": tag } });
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const { status, headers } = await asked(tag);
      expect([status, headers.get("etag")]).toEqual([304, etag]);
    }
    expect((await asked('"other"')).status).toBe(200);
  });

  test("is for reading alone", async () => {
    const stage = await Stage.open();
    const head = await fetch(`${stage.url}/openapi.json`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const { status, headers, json } = await stage.post("/openapi.json", "{}");
    expect([status, headers.get("allow"), json.code]).toEqual([
      405,
      "GET, HEAD",
      "method_not_allowed",
    ]);
    expect((await fetch(`${stage.url}/openapi.json?x`)).status).toBe(404);
  });
});

describe("real answers fit what the document says of them:", () => {
  test("a challenge, credentials and their renewal", async () => {
    const stage = await Stage.open();
    const client = await Client.of(stage);
    const challenge = await stage.post("/v1/challenges", client.run);
    expect(challenge.status).toBe(201);
    expect(document.faultsOfAnswer("POST /v1/challenges", challenge)).toEqual([]);

    const credentials = await client.obtain();
    expect(credentials.status).toBe(200);
    expect(document.faultsOfAnswer("POST /v1/credentials", credentials)).toEqual([]);

    const { RenewalToken } = await client.opened(credentials);
    const renewed = await stage.post("/v1/renewals", { renewal_token: RenewalToken });
    expect(renewed.status).toBe(200);
    expect(document.faultsOfAnswer("POST /v1/renewals", renewed)).toEqual([]);
  });

  test("what the original's clients get", async () => {
    const stage = await Stage.open({ grants: `${goldenGrant}    legacy: true\n` });
    const { github } = stage.world;
    const { publicKey } = await Client.of(stage);
    github.say(stage.golden.job, "assume role", `ACTIONS2AWS PUBKEY: ${publicKey}`);
    github.completeStep(stage.golden.job, "assume role");
    const reply = await stage.post("/", {
      Repo: "acme/app",
      RunId: "5001",
      JobName: "deploy",
      StepName: "assume role",
      RoleARN: "arn:aws:iam::123456789012:role/app-deploy",
    });
    expect(reply.status).toBe(200);
    expect(document.faultsOfAnswer("POST /", reply)).toEqual([]);
  });

  const routes = document.routes.filter((route) => route.startsWith("POST "));
  test.each(routes)("%s when it is turned away", async (route) => {
    const stage = await Stage.open({ more: "limits: { per_address: 4/h }" });
    const path = route.replace("POST ", "");
    const client = await Client.of(stage);
    const bodies = [
      "{}",
      { ...client.run, role: "x" },
      { renewal_token: "x" },
      "x".repeat(33 * 1024),
      "{}",
    ];
    const seen: unknown[] = [];
    for (const body of bodies) {
      const reply = await stage.post(path, body);
      expect(document.faultsOfAnswer(route, reply)).toEqual([]);
      seen.push(reply.json.code);
    }
    expect(seen).toContain("invalid_request");
    expect(seen.slice(-2)).toEqual(["too_large", "rate_limited"]);
    const other = await stage.post(path, "{}", { "content-type": "text/plain" });
    expect(other.json.code).toMatch(/^(?:rate_limited|unsupported_media_type)$/);
    expect(document.faultsOfAnswer(route, other)).toEqual([]);
  });

  test.each<[string, (stage: Stage) => void]>([
    ["fork", ({ golden }) => Object.assign(golden.run, { headRepository: null })],
    ["no_grant", ({ golden }) => Object.assign(golden.run, { path: ".github/workflows/x.yml" })],
    ["not_in_progress", ({ golden }) => Object.assign(golden.job, { status: "queued" })],
    ["job_not_found", ({ golden }) => Object.assign(golden.job, { id: 1 })],
    [
      "proof_invalid",
      ({ world, golden }) => {
        world.github.say(golden.job, "assume role", "hello");
        world.github.completeStep(golden.job, "assume role");
      },
    ],
    ["github_unavailable", ({ world }) => void world.github.api.fault({ status: 418 })],
    ["aws_denied", ({ world }) => void world.sts.refuse("AccessDenied")],
  ])("%s", async (code, change) => {
    const stage = await Stage.open();
    const client = await Client.of(stage);
    change(stage);
    const { challenge, ticket } = await client.challenge();
    if (code !== "proof_invalid") client.announce(challenge);
    const reply = await client.request(ticket);
    expect(reply.json.code).toBe(code);
    expect(document.faultsOfAnswer("POST /v1/credentials", reply)).toEqual([]);
  });
});
