import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { buffer } from "node:stream/consumers";
import type { AddressInfo } from "node:net";

/** An event of an HTTP API, payload format 2.0: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
export interface ApiEvent {
  readonly version: string;
  readonly routeKey: string;
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly headers: Record<string, string>;
  readonly requestContext: {
    readonly accountId: string;
    readonly apiId: string;
    readonly domainName: string;
    readonly domainPrefix: string;
    readonly http: {
      readonly method: string;
      readonly path: string;
      readonly protocol: string;
      readonly sourceIp: string;
      readonly userAgent: string;
    };
    readonly requestId: string;
    readonly routeKey: string;
    readonly stage: string;
    readonly time: string;
    readonly timeEpoch: number;
  };
  readonly body?: string;
  readonly isBase64Encoded: boolean;
}

/** What a function answers. */
interface ApiResult {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

export interface Context {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

/** One instance of the function. */
export type Invoke = (event: ApiEvent, context: Context) => Promise<unknown>;

const gatewayWaitsMs = 30_000;

/**
 * Real HTTP in front, events of API Gateway's behind: as much of an HTTP API as a client can tell, and a
 * Lambda that has one instance, which gets one event at a time.
 */
export class ApiGateway {
  readonly #invoke: Invoke;
  readonly #server: Server;
  /** Whom API Gateway sees. */
  sourceIp = "192.0.2.7";
  stage = "$default";
  /** How long a request has waited before its function starts. */
  startMs = 0;
  /** The function's timeout. */
  timeoutMs = 29_000;
  /** How much of it was left when each answer came. */
  readonly leftMs: number[] = [];
  readonly events: ApiEvent[] = [];
  #instance: Promise<unknown> = Promise.resolve();

  private constructor(invoke: Invoke) {
    this.#invoke = invoke;
    this.#server = createServer((request, response) => {
      void this.#answer(request).then(({ statusCode, headers, body }) => {
        response.writeHead(statusCode, { ...headers, "content-length": body.length }).end(body);
      });
    });
  }

  static async open(invoke: Invoke): Promise<ApiGateway> {
    const gateway = new ApiGateway(invoke);
    gateway.#server.listen(0, "127.0.0.1");
    await once(gateway.#server, "listening");
    return gateway;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage): Promise<{
    statusCode: number;
    headers: Record<string, string>;
    body: Buffer;
  }> {
    const event = await this.#eventOf(request);
    this.events.push(event);
    const invoked = this.#instance.then(() => this.#run(event));
    this.#instance = invoked.catch(() => undefined);
    const cut = new Promise<"cut">((resolve) => setTimeout(resolve, gatewayWaitsMs, "cut").unref());
    try {
      const result = await Promise.race([invoked, cut]);
      if (result === "cut") return own(503, "Service Unavailable");
      const { statusCode, headers, body, isBase64Encoded } = result as ApiResult;
      return { statusCode, headers, body: Buffer.from(body, isBase64Encoded ? "base64" : "utf8") };
    } catch {
      return own(500, "Internal Server Error");
    }
  }

  #run(event: ApiEvent): Promise<unknown> {
    const end = performance.now() + this.timeoutMs;
    const getRemainingTimeInMillis = (): number => end - performance.now();
    const { requestId: awsRequestId } = event.requestContext;
    return this.#invoke(event, { awsRequestId, getRemainingTimeInMillis }).finally(() =>
      this.leftMs.push(getRemainingTimeInMillis()),
    );
  }

  async #eventOf(request: IncomingMessage): Promise<ApiEvent> {
    const bytes = await buffer(request);
    const [path = "", query = ""] = (request.url ?? "").split("?");
    const rawPath = this.stage === "$default" ? path : `/${this.stage}${path}`;
    const headers: Record<string, string> = {};
    for (const [name, values] of Object.entries(request.headersDistinct))
      headers[name] = (values ?? []).join(",");
    const forwarded = headers["x-forwarded-for"];
    headers["x-forwarded-for"] = [forwarded, this.sourceIp].filter(Boolean).join(", ");
    const isText = /^(?:text\/|application\/(?:json|javascript|xml))/.test(
      headers["content-type"] ?? "text/",
    );
    return {
      version: "2.0",
      routeKey: "$default",
      rawPath,
      rawQueryString: query,
      headers,
      requestContext: {
        accountId: "123456789012",
        apiId: "a1b2c3d4e5",
        domainName: "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
        domainPrefix: "a1b2c3d4e5",
        http: {
          method: request.method ?? "",
          path: rawPath,
          protocol: "HTTP/1.1",
          sourceIp: this.sourceIp,
          userAgent: headers["user-agent"] ?? "",
        },
        requestId: crypto.randomUUID(),
        routeKey: "$default",
        stage: this.stage,
        time: "28/Nov/2026:08:00:00 +0000",
        timeEpoch: Date.now() - this.startMs,
      },
      ...(bytes.length > 0 && { body: bytes.toString(isText ? "utf8" : "base64") }),
      isBase64Encoded: bytes.length > 0 && !isText,
    };
  }
}

function own(statusCode: number, message: string) {
  const headers = { "content-type": "application/json" };
  return { statusCode, headers, body: Buffer.from(JSON.stringify({ message })) };
}
