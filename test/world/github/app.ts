import { randomBytes, verify } from "node:crypto";

import { json, type Answer, type Request } from "../answer.ts";
import { notFound, refusal } from "./errors.ts";
import type { Repository } from "./model.ts";
import { userShape, type Json } from "./shapes.ts";
import type { App, Installation, State } from "./state.ts";

const documentation = "https://docs.github.com/rest/apps/apps";
const hour = 3_600_000;

/** The routes of a GitHub App itself, which take its JWT and no token. */
export function appAnswer(state: State, request: Request): Answer | undefined {
  const { method, pathname } = request;
  if (!pathname.startsWith("/app/")) return undefined;
  const app = authenticate(state, request);
  if ("status" in app) return app;
  if (method === "GET" && pathname === "/app/installations") {
    return json(app.installations.map((installation) => shape(state, app, installation)));
  }
  const [, id, tokens] = /^\/app\/installations\/(\d+)(\/access_tokens)?$/.exec(pathname) ?? [];
  const installation = app.installations.find((candidate) => candidate.id === Number(id));
  if (installation === undefined) return notFound(documentation);
  if (tokens === undefined)
    return method === "GET" ? json(shape(state, app, installation)) : notFound(documentation);
  return method === "POST" ? issue(state, installation) : notFound(documentation);
}

/** GET /repos/{owner}/{repo}/installation. */
export function installationAnswer(state: State, request: Request, repository: Repository): Answer {
  const app = authenticate(state, request);
  if ("status" in app) return app;
  const installation = app.installations.find(
    ({ account, repositories }) =>
      account.toLowerCase() === repository.owner.login.toLowerCase() &&
      (repositories?.has(repository.id) ?? true),
  );
  return installation === undefined
    ? notFound(documentation)
    : json(shape(state, app, installation));
}

function issue(state: State, installation: Installation): Answer {
  const token = `ghs_canaryInstallation${randomBytes(9).toString("hex")}`;
  const expiresAt = state.now() + hour;
  state.installationTokens.set(token, { installation, expiresAt });
  return json(
    {
      token,
      expires_at: new Date(expiresAt).toISOString().replace(/\.\d+Z$/, "Z"),
      permissions: { actions: "read", contents: "read", metadata: "read" },
      repository_selection: installation.repositories === null ? "all" : "selected",
    },
    201,
  );
}

/** The app whose key signed the JWT, or the refusal. */
function authenticate(state: State, request: Request): App | Answer {
  const [, header, payload, signature] =
    /^bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/i.exec(request.headers.authorization ?? "") ?? [];
  const { app } = state;
  const undecodable = refusal(401, "A JSON web token could not be decoded", documentation);
  if (app === null || header === undefined || payload === undefined || signature === undefined)
    return undecodable;
  const signed = verify(
    "RSA-SHA256",
    Buffer.from(`${header}.${payload}`),
    app.publicKey,
    Buffer.from(signature, "base64url"),
  );
  if (decode(header)["alg"] !== "RS256" || !signed) return undecodable;
  const { iss, iat, exp } = decode(payload);
  const now = Math.floor(state.now() / 1_000);
  if (typeof iat !== "number" || iat > now)
    return refusal(
      401,
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
      documentation,
    );
  if (typeof exp !== "number" || exp <= now)
    return refusal(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
      documentation,
    );
  if (exp > now + 600)
    return refusal(401, "'Expiration time' claim ('exp') is too far in the future", documentation);
  if (String(iss) !== String(app.id) && iss !== app.clientId)
    return refusal(404, "Integration not found", documentation);
  return app;
}

function decode(part: string): Json {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return { ...(typeof parsed === "object" ? parsed : {}) };
  } catch {
    return {};
  }
}

function shape(state: State, app: App, installation: Installation): Json {
  const url = `${state.apiUrl}/app/installations/${installation.id}`;
  return {
    id: installation.id,
    client_id: app.clientId,
    account: userShape(state, { id: 9_001, login: installation.account, type: "Organization" }),
    repository_selection: installation.repositories === null ? "all" : "selected",
    access_tokens_url: `${url}/access_tokens`,
    repositories_url: `${state.apiUrl}/installation/repositories`,
    html_url: `${state.webUrl}/organizations/${installation.account}/settings/installations/${installation.id}`,
    app_id: app.id,
    app_slug: app.slug,
    target_id: 9_001,
    target_type: "Organization",
    permissions: { actions: "read", contents: "read", metadata: "read" },
    events: [],
    created_at: "2025-01-01T00:00:00Z",
    updated_at: "2025-01-01T00:00:00Z",
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: null,
    suspended_at: null,
  };
}
