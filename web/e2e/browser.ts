// The real browser of a journey: signed in or not, with every fault of a page collected.
import axe from "axe-core";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Opens pages of the console; each test has a fresh browser context, and fails if a page had a fault. */
export function useBrowser() {
  const lab = inject("lab");
  let browser: Browser;
  let contexts: BrowserContext[] = [];
  let faults: string[] = [];

  beforeAll(async () => {
    const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
    browser = await chromium.launch({ executablePath, args: ARGUMENTS });
  });
  afterAll(() => browser.close());
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await picture(task.name);
    await Promise.all(contexts.map((context) => context.close()));
    const found = faults;
    [contexts, faults] = [[], []];
    expect(found, "faults that the browser reported").toEqual([]);
  });

  /** What the last page showed when a test failed, into dist/journeys. */
  async function picture(test: string): Promise<void> {
    const page = contexts.at(-1)?.pages()[0];
    const path = `../dist/journeys/${test.replace(/[^a-z0-9]+/gi, "-")}.png`;
    await page?.screenshot({ path, fullPage: true });
  }

  /** A page at this address, of another trainer than the lab's if `at` says so. `expected` are statuses of answers that the journey provokes. */
  async function open(
    path: string,
    { at = lab.url, signedIn = true, expected = [] as number[], dark = false, width = 1440, height = 900 } = {},
  ): Promise<Page> {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? "dark" : "light",
      reducedMotion: "reduce",
    });
    contexts.push(context);
    context.setDefaultTimeout(30_000);
    if (signedIn) {
      const [name = "", value = ""] = lab.cookie.split("=");
      await context.addCookies([{ name, value, url: lab.url, httpOnly: true, sameSite: "Strict" }]);
    }
    const page = await context.newPage();
    page.on("pageerror", (error) => faults.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => {
      const refused = /status of (\d+)/.exec(message.text());
      if (message.type() !== "error" || (refused && expected.includes(Number(refused[1])))) return;
      if (expected.includes(0) && /net::ERR|Failed to load/.test(message.text())) return;
      faults.push(`${page.url()}: ${message.text()}`);
    });
    await page.goto(at + path);
    return page;
  }

  return { lab, open };
}

/** Fails where axe finds something serious on the page. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const run = (window as unknown as { axe: typeof axe }).axe.run;
    const { violations } = await run(document, { resultTypes: ["violations"] });
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
  });
  expect(found, `what axe found on ${page.url()}`).toEqual([]);
}

/** Fails where the page is wider than its window. */
export async function expectNoSideways(page: Page): Promise<void> {
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(beyond, `${page.url()} scrolls sideways`).toBeLessThanOrEqual(0);
}
