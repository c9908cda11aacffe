import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

type Json = Readonly<Record<string, unknown>>;
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Json;
  readonly result?: Json;
  readonly error?: Json;
  readonly sessionId?: string;
}

/** A page in Debian's Chromium, steered by its DevTools protocol. */
export class Browser {
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (message: Message) => void>();
  readonly #events: Message[] = [];
  #session = "";
  #count = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(String(data)) as Message;
      if (message.id === undefined) this.#events.push(message);
      else this.#answers.get(message.id)?.(message);
    });
  }

  static async open(url: string, { width = 1_200, height = 900 } = {}): Promise<Browser> {
    const browser = new Browser(await connected(await start(width, height)));
    const { targetId } = await browser.send("Target.createTarget", { url: "about:blank" });
    const attached = await browser.send("Target.attachToTarget", { targetId, flatten: true });
    browser.#session = String(attached.sessionId);
    for (const domain of ["Page", "Runtime", "Log", "Network"])
      await browser.send(`${domain}.enable`);
    await browser.go(url);
    return browser;
  }

  async go(url: string): Promise<void> {
    const seen = this.#events.length;
    await this.send("Page.navigate", { url });
    await this.until(() => this.events("Page.loadEventFired", seen).length > 0);
  }

  events(method: string, from = 0): Json[] {
    return this.#events
      .slice(from)
      .flatMap((event) => (event.method === method ? [event.params ?? {}] : []));
  }

  /** What the page was told off for: its errors, and what its policy did not let happen. */
  get complaints(): unknown[] {
    return [
      ...this.events("Log.entryAdded"),
      ...this.events("Runtime.exceptionThrown"),
      ...this.events("Page.javascriptDialogOpening"),
    ];
  }

  async evaluate<T>(expression: string): Promise<T> {
    const { result } = await this.send("Runtime.evaluate", { expression, returnByValue: true });
    return (result as { value: T }).value;
  }

  /** Waits until an expression is true in the page. */
  async see(expression: string, within = 8_000): Promise<void> {
    await this.until(() => this.evaluate<boolean>(`Boolean(${expression})`), within);
  }

  async press(key: "Tab" | "Enter" | " " | "ArrowDown"): Promise<void> {
    const codes = { Tab: 9, Enter: 13, " ": 32, ArrowDown: 40 };
    const text = { Tab: "", Enter: "\r", " ": " ", ArrowDown: "" }[key];
    const common = { key, code: key === " " ? "Space" : key, windowsVirtualKeyCode: codes[key] };
    await this.send("Input.dispatchKeyEvent", {
      type: text ? "keyDown" : "rawKeyDown",
      text,
      ...common,
    });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...common });
  }

  /** Presses Tab until the focus is where an expression about `document.activeElement`, `it`, holds. */
  async tabTo(condition: string): Promise<void> {
    for (let presses = 0; presses < 60; presses++) {
      await this.press("Tab");
      if (await this.evaluate<boolean>(`((it) => ${condition})(document.activeElement)`)) return;
    }
    throw new Error(`the keyboard does not get to: ${condition}`);
  }

  async screenshot(): Promise<Buffer> {
    const { data } = await this.send("Page.captureScreenshot", { format: "png" });
    return Buffer.from(String(data), "base64");
  }

  async send(method: string, params: Json = {}): Promise<Json> {
    const id = ++this.#count;
    const answer = new Promise<Message>((resolve) => this.#answers.set(id, resolve));
    const sessionId = this.#session === "" ? {} : { sessionId: this.#session };
    this.#socket.send(JSON.stringify({ id, method, params, ...sessionId }));
    const { result, error } = await answer;
    if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result ?? {};
  }

  async until(holds: () => boolean | Promise<boolean>, within = 8_000): Promise<void> {
    const deadline = Date.now() + within;
    while (!(await holds())) {
      if (Date.now() > deadline) throw new Error("the page did not come to that");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Starts Chromium with a profile of its own. @returns the address of its debugger */
async function start(width: number, height: number): Promise<string> {
  const profile = mkdtempSync(join(tmpdir(), "actions2aws-chromium-"));
  const flags = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    `--user-data-dir=${profile}`,
    `--window-size=${width},${height}`,
    "about:blank",
  ];
  const child = spawn("chromium", flags, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  return new Promise((resolve, reject) => {
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const [, address] = /DevTools listening on (ws:\S+)/.exec(text) ?? [];
      if (address !== undefined) resolve(address);
    });
    child.once("error", reject);
    child.once("close", () => reject(new Error(`chromium ended:\n${text}`)));
  });
}

async function connected(address: string): Promise<WebSocket> {
  const socket = new WebSocket(address);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  return socket;
}
