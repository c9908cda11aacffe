import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { revalidated, serialize, text, type Answer, type Request } from "./answer.ts";
import { addBarrier, type Barrier, type BarrierOptions, type Held } from "./barrier.ts";
import { spoiled, type Fault, type Handle, type Match } from "./fault.ts";
import { Rules } from "./rules.ts";
import { receive, send } from "./wire.ts";

export interface JournalEntry<Note extends object = object> {
  readonly service: string;
  /** Counts the requests of all services together. */
  readonly order: number;
  readonly time: number;
  readonly method: string;
  /** With the query, as it was sent. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** 0 as long as there is no answer, and for good when the connection was cut. */
  status: number;
  cost: number;
  /** What the service itself remembers of it. */
  note?: Note;
}

interface Transform {
  readonly match?: Match;
  readonly times?: number;
  /** A method, so that a test may say which body it expects: methods are checked less strictly. */
  change(body: unknown, request: Request): unknown;
}

interface Rewrite {
  readonly match?: Match;
  readonly times?: number;
  readonly change: (text: string, request: Request) => string;
}

export interface ServiceOptions<Note extends object> {
  readonly name: string;
  readonly now: () => number;
  readonly latency?: number;
  readonly handle: (request: Request) => Answer<Note> | Promise<Answer<Note>>;
  /** The last word on an answer, once its status is known: rate limit headers and cost. */
  readonly seal?: (answer: Answer<Note>, request: Request) => Answer<Note>;
  /** What this service says with an error status that a fault asks for. */
  readonly errorAnswer?: (status: number) => Answer;
}

let arrivals = 0;

/** An HTTP server on loopback that keeps a journal and can be told to fail. */
export class Service<Note extends object = object> {
  /** Milliseconds before each answer; may be changed while running. */
  latency: number;
  readonly journal: JournalEntry<Note>[] = [];
  readonly #options: ServiceOptions<Note>;
  readonly #server: Server;
  readonly #faults = new Rules<Fault>();
  readonly #barriers = new Rules<Held>();
  readonly #transforms = new Rules<Transform>();
  readonly #rewrites = new Rules<Rewrite>();
  readonly #closed = Promise.withResolvers<void>();
  #url = "";

  constructor(options: ServiceOptions<Note>) {
    this.#options = options;
    this.latency = options.latency ?? 0;
    this.#server = createServer(
      { keepAlive: true, keepAliveTimeout: 60_000 },
      (incoming, response) => {
        this.#serve(incoming, response).catch((error: unknown) => {
          // A bug of the simulator: loud in the answer, so that the test that meets it can tell.
          if (!response.headersSent) response.writeHead(599).end(`simulator: ${String(error)}`);
          else response.destroy();
        });
      },
    );
  }

  get url(): string {
    return this.#url;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port to listen on");
    this.#url = `http://127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    this.#closed.resolve();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  clearJournal(): void {
    this.journal.length = 0;
  }

  fault(fault: Fault): Handle {
    return this.#faults.add(fault);
  }

  /** Changes JSON answers: edit the body in place, or return another one. ETags follow the changed body. */
  transform<Body = Record<string, unknown>>(
    change: (body: Body, request: Request) => Body | void,
    when: { match?: Match; times?: number } = {},
  ): Handle {
    return this.#transforms.add({ ...when, change });
  }

  /** Changes answers as texts, JSON or not, after all transforms. ETags follow. */
  rewrite(
    change: (text: string, request: Request) => string,
    when: { match?: Match; times?: number } = {},
  ): Handle {
    return this.#rewrites.add({ ...when, change });
  }

  /** Holds answers. They are made when the request arrives; with `late`, when they are released. */
  barrier(match: Match, options: BarrierOptions = {}): Barrier {
    return addBarrier(this.#barriers, match, options);
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await receive(incoming);
    const { method, path, headers } = request;
    const entry: JournalEntry<Note> = {
      service: this.#options.name,
      order: ++arrivals,
      time: this.#options.now(),
      method,
      path,
      headers,
      status: 0,
      cost: 0,
    };
    this.journal.push(entry);

    const barrier = this.#barriers.take(request);
    const fault = this.#faults.take(request);
    barrier?.rule.arrive(request);
    if (barrier?.rule.late === true) await this.#until(barrier.rule.open);
    const answer = await this.#answer(request, fault?.rule);
    if (answer.note !== undefined) entry.note = answer.note;
    entry.cost = answer.cost ?? 0;
    if (barrier !== undefined) await this.#until(barrier.rule.open);

    const wait = this.latency + (fault?.rule.delay ?? 0);
    if (wait > 0) await sleep(wait);
    if (fault?.rule.hang === true) await this.#until(fault.removed);
    if (fault?.rule.reset === true) return void incoming.socket.resetAndDestroy();
    if (response.destroyed) return;
    entry.status = answer.status;
    await send(response, answer, request, fault?.rule);
  }

  async #answer(request: Request, fault: Fault | undefined): Promise<Answer<Note>> {
    const made = await this.#options.handle(request);
    const body = this.#rewritten(this.#transformed(made.body, request), request);
    let answer = revalidated({ ...made, body }, request);
    if (fault !== undefined)
      answer = spoiled(answer, fault, this.#options.errorAnswer ?? ((status) => text("", status)));
    return this.#options.seal?.(answer, request) ?? answer;
  }

  #transformed(body: Answer["body"], request: Request): Answer["body"] {
    if (typeof body === "string" || body instanceof Uint8Array) return body;
    const change = (value: unknown, transform: Transform): unknown =>
      transform.change(value, request) ?? value;
    const rules = this.#transforms.takeAll(request).map(({ rule }) => rule);
    return rules.length === 0 ? body : { json: rules.reduce(change, structuredClone(body.json)) };
  }

  #rewritten(body: Answer["body"], request: Request): Answer["body"] {
    const rules = this.#rewrites.takeAll(request).map(({ rule }) => rule);
    if (rules.length === 0) return body;
    return rules.reduce((written, rule) => rule.change(written, request), String(serialize(body)));
  }

  /** Waits, but not beyond the end of the world. */
  async #until(event: Promise<unknown>): Promise<void> {
    await Promise.race([event, this.#closed.promise]);
  }
}
