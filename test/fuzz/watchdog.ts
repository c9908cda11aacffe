import { writeFileSync, writeSync } from "node:fs";
import { isMainThread, Worker, workerData } from "node:worker_threads";

/** What the two threads share: a count of inputs, and the one at work. */
interface Shared {
  readonly state: SharedArrayBuffer;
  readonly input: SharedArrayBuffer;
  readonly path: string;
}

const stuckAfterMs = 30_000;
const look = { executions: 0, length: 1 } as const;

/** Ends the process when an input keeps it busy for ever, and leaves that input behind. */
export class Watchdog {
  readonly #state = new SharedArrayBuffer(8);
  readonly #input = new SharedArrayBuffer(2 ** 20);
  readonly #worker: Worker;

  /** @param path where a stuck input goes */
  constructor(path: string) {
    const shared: Shared = { state: this.#state, input: this.#input, path };
    this.#worker = new Worker(import.meta.filename, { workerData: shared });
    this.#worker.unref();
  }

  watch(input: Buffer): void {
    const state = new Int32Array(this.#state);
    new Uint8Array(this.#input).set(input);
    state[look.length] = input.length;
    Atomics.add(state, look.executions, 1);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

if (!isMainThread) {
  const { state, input, path } = workerData as Shared;
  const counts = new Int32Array(state);
  let last = -1;
  setInterval(() => {
    const now = Atomics.load(counts, look.executions);
    if (now === last && now > 0) {
      writeFileSync(path, new Uint8Array(input).slice(0, counts[look.length]));
      writeSync(2, `an input keeps the parser busy for ever: ${path}\n`);
      process.kill(process.pid, "SIGKILL");
    }
    last = now;
  }, stuckAfterMs);
}
