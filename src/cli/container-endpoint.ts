import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret } from "../core/secret.ts";
import type { Credentials } from "./credentials.ts";
import { Failure, exitCodes, systemCode } from "./failure.ts";
import type { Environment } from "./host.ts";
import { writePrivateFile } from "./private-file.ts";
import type { Variables } from "./variables.ts";

const path = "/credentials";
/** Tools before the end of 2023 know no token's file. Most show this text. */
const withoutToken =
  "no authorization token came: AWS tools that are older than AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE " +
  "can't use --refresh, but --profile";

/**
 * Gives credentials to one command's AWS tools, over loopback, as a container's agent does: to whoever
 * can read a file of ours.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */
export class ContainerEndpoint {
  /** What the tools find it by. */
  readonly variables: Variables;
  readonly #server: Server;
  readonly #folder: string;

  private constructor(server: Server, folder: string, tokenFile: string) {
    const { port } = server.address() as AddressInfo;
    this.#server = server;
    this.#folder = folder;
    this.variables = [
      ["AWS_CONTAINER_CREDENTIALS_FULL_URI", `http://127.0.0.1:${port}${path}`],
      ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", tokenFile],
    ];
  }

  /** @param current null when there are none that are good */
  static async open(
    current: () => Credentials | null,
    env: Environment,
  ): Promise<ContainerEndpoint> {
    const token = new Secret(randomBytes(32).toString("base64url"));
    const server = createServer({ headersTimeout: 5_000, requestTimeout: 5_000 }, (asked, answer) =>
      respond(asked, answer, token, current),
    );
    let folder: string | null = null;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject).listen(0, "127.0.0.1", resolve);
      });
      folder = mkdtempSync(join(env.RUNNER_TEMP || tmpdir(), "actions2aws-"));
      const tokenFile = join(folder, "token");
      writePrivateFile(tokenFile, token.reveal());
      return new ContainerEndpoint(server, folder, tokenFile);
    } catch (error) {
      server.close();
      if (folder !== null) rmSync(folder, { recursive: true, force: true });
      throw new Failure(
        exitCodes.other,
        `the endpoint for the command cannot be opened (${systemCode(error)})`,
      );
    }
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function respond(
  asked: IncomingMessage,
  answer: ServerResponse,
  token: Secret,
  current: () => Credentials | null,
): void {
  const { authorization } = asked.headers;
  if (authorization === undefined) return refuse(answer, 401, withoutToken);
  if (!isToken(authorization, token))
    return refuse(answer, 401, "the authorization token is wrong");
  if (asked.url !== path) return refuse(answer, 404, "there is nothing here");
  if (asked.method !== "GET") return refuse(answer, 405, "only GET is answered");
  const credentials = current();
  if (!credentials) return refuse(answer, 503, "the credentials have ended and were not renewed");
  send(answer, 200, {
    AccessKeyId: credentials.accessKeyId.reveal(),
    SecretAccessKey: credentials.secretAccessKey.reveal(),
    Token: credentials.sessionToken.reveal(),
    Expiration: credentials.expiration,
  });
}

/** In constant time, whatever the lengths. */
function isToken(text: string, token: Secret): boolean {
  return timingSafeEqual(digest(text), digest(token.reveal()));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function refuse(answer: ServerResponse, status: number, message: string): void {
  send(answer, status, { code: status === 503 ? "Unavailable" : "Refused", message });
}

function send(answer: ServerResponse, status: number, body: object): void {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  answer.writeHead(status, { ...headers, connection: "close" }).end(JSON.stringify(body));
}
