import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { grantLike, roleOf } from "../harness/config.ts";
import { OperatedProgram } from "../harness/operated-program.ts";
import { Browser } from "./browser.ts";

// Debian's chromium: apt-get install -y chromium
// ACTIONS2AWS_SCREENSHOTS=FOLDER keeps what the page looked like.

const release = grantLike("release", { ref: "refs/heads/release" });
const articles = "document.querySelectorAll('article')";
const spoilt = `<img src=x onerror="window.hit=1"><script>window.hit=1</script>\u202Etxt.exe`;

test("a new decision appears by itself, and names do nothing", async () => {
  const it = await OperatedProgram.start({ grants: [release] });
  const client = await it.client();
  await client.obtain();
  const browser = await Browser.open(`${it.adminUrl}/`);
  await browser.see(`${articles}.length === 1 && document.querySelector('article.allowed')`);
  await browser.see("document.querySelector('#live').textContent === 'live'");
  await client.attempt({ role: roleOf("release") });
  await browser.see(
    `${articles}.length === 2 && ${articles}[0].textContent.includes('Stopped at ref')`,
  );
  const job = it.world.github.addJob(it.world.github.addRun(it.golden.repository), {
    name: spoilt,
  });
  it.world.github.addStep(job);
  await (await it.client(job)).attempt();
  await browser.see(
    `${articles}.length === 3 && ${articles}[0].textContent.includes('<img src=x')`,
  );
  expect(await browser.evaluate(`${articles}[0].textContent`)).toContain("\\u{202e}txt.exe");
  expect(await browser.evaluate("window.hit === undefined")).toBe(true);
  expect(await browser.evaluate("document.querySelectorAll('img').length")).toBe(0);
  expect(browser.complaints).toEqual([]);
  const asked = browser
    .events("Network.requestWillBeSent")
    .map(({ request }) => new URL((request as { url: string }).url).origin);
  expect(new Set(asked)).toEqual(new Set([it.adminUrl]));
});

test("if a name got out of its place, the page's policy would hold it", async () => {
  const it = await OperatedProgram.start();
  const browser = await Browser.open(`${it.adminUrl}/`);
  await browser.evaluate(
    `document.body.insertAdjacentHTML("beforeend", '<img src="/x" onerror="window.hit=1">')`,
  );
  await browser.evaluate(`{
    const made = document.createElement("script");
    made.textContent = "window.hit=1";
    document.body.append(made);
  }`);
  await browser.until(() => browser.complaints.length >= 2);
  expect(await browser.evaluate("window.hit === undefined")).toBe(true);
});

test("all of it can be done by keyboard", async () => {
  const it = await OperatedProgram.start({ grants: [release] });
  const client = await it.client();
  await client.obtain();
  await client.attempt({ role: roleOf("release") });
  const browser = await Browser.open(`${it.adminUrl}/`);
  await browser.tabTo("it.textContent === 'Denied'");
  await browser.press("Enter");
  await browser.see(`location.search === '?decision=denied' && ${articles}.length === 1`);
  await browser.tabTo("it.tagName === 'SUMMARY'");
  await browser.press("Enter");
  await browser.see("document.querySelector('details').open");
  expect(await browser.evaluate("document.querySelector('table').innerText")).toContain(
    "main (not proved)",
  );
  await browser.go(`${it.adminUrl}/`);
  await browser.tabTo("it.id === 'grant'");
  await browser.press("ArrowDown");
  await browser.see(`location.search.includes('grant=app-deploy') && ${articles}.length === 1`);
  await browser.tabTo("it.id === 'pause'");
  await browser.press(" ");
  await browser.see("document.querySelector('#live').textContent === 'paused'");
  await client.obtain();
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(await browser.evaluate(`${articles}.length`)).toBe(1);
  await browser.press(" ");
  await browser.see(`${articles}.length === 2`);
});

test("it says when the broker is gone", async () => {
  const it = await OperatedProgram.start();
  const browser = await Browser.open(`${it.adminUrl}/`);
  await browser.see("document.querySelector('#live').textContent === 'live'");
  it.signal("SIGTERM");
  await browser.see("document.querySelector('#live').dataset.state === 'lost'");
  expect(await browser.evaluate("document.querySelector('#live').textContent")).toMatch(
    /^not connected/,
  );
});

test.for(["light", "dark"])("%s: all texts stand out from what is behind them", async (scheme) => {
  const it = await OperatedProgram.start({ grants: [release] });
  const client = await it.client();
  await client.obtain();
  await client.attempt({ role: roleOf("release") });
  it.world.sts.refuse("AccessDenied");
  await client.attempt();
  it.world.github.session.state = "redirect";
  const job = it.world.github.addJob(it.world.github.addRun(it.golden.repository), {});
  it.world.github.addStep(job);
  await (await it.client(job)).attempt();
  const browser = await Browser.open("about:blank");
  await browser.send("Emulation.setEmulatedMedia", {
    features: [{ name: "prefers-color-scheme", value: scheme }],
  });
  await browser.go(`${it.adminUrl}/`);
  await browser.see("document.querySelector('#live').textContent === 'live'");
  await browser.evaluate("document.querySelector('details').open = true");
  const texts = await browser.evaluate<[text: string, ratio: number][]>(contrasts);
  expect(texts.length).toBeGreaterThan(80);
  // WCAG 2.2, AA.
  expect(texts.filter(([, ratio]) => ratio < 4.5)).toEqual([]);
  const folder = process.env.ACTIONS2AWS_SCREENSHOTS;
  const picture = await browser.screenshot();
  expect(picture.length).toBeGreaterThan(20_000);
  if (folder) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `decisions-${scheme}.png`), picture);
  }
});

test("a narrow window needs no scrolling sideways, whatever the names are", async () => {
  const it = await OperatedProgram.start();
  const job = it.world.github.addJob(it.world.github.addRun(it.golden.repository), {
    name: "x".repeat(500),
  });
  it.world.github.addStep(job);
  await (await it.client(job)).attempt();
  const browser = await Browser.open(`${it.adminUrl}/`);
  await browser.send("Emulation.setDeviceMetricsOverride", {
    width: 360,
    height: 800,
    deviceScaleFactor: 1,
    mobile: false,
  });
  await browser.evaluate("document.querySelector('details').open = true");
  expect(await browser.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
});

/** The contrast of each visible text with the nearest background behind it. */
const contrasts = `(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || element.closest("script, noscript, .away, option") || element.offsetParent === null) continue;
    const [a, b] = [channels(getComputedStyle(element).color), behind(element)].map(luminance);
    found.push([text.slice(0, 40), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]);
  }
  return found;
})()`;
