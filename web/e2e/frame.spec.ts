// What holds on every page: it needs a session, its policy is strict, it is light to load.
import { expect, it } from "vitest";

import { expectAccessible, useBrowser } from "./browser";

const { lab, open } = useBrowser();

/** What the first page may weigh, compressed, in bytes. */
const FIRST_LOAD_BYTES_MAX = 250_000;

it("asks who is there, and goes on to the page that was asked for", async () => {
  const page = await open("/models?task=anomaly", { signedIn: false, expected: [401] });
  await page.getByLabel("User").fill("admin");
  await page.getByLabel("Password").fill(lab.password);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/models?task=anomaly");
  await page.getByRole("heading", { level: 1, name: "Models" }).waitFor();
});

it("says that a password is wrong, with the problem's code", async () => {
  const page = await open("/sign-in", { signedIn: false, expected: [401] });
  await page.getByLabel("User").fill("admin");
  await page.getByLabel("Password").fill("not the password");
  await page.keyboard.press("Enter");
  const alert = page.getByRole("alert");
  await alert.waitFor();
  expect(await alert.textContent()).toContain("wrong_password");
  await expectAccessible(page);
});

it("weighs less than a picture at the first load", async () => {
  const page = await open("/");
  await page.getByRole("heading", { level: 1 }).waitFor();
  const loaded = await page.evaluate(() => {
    const entries = [...performance.getEntriesByType("resource"), ...performance.getEntriesByType("navigation")];
    const files = (entries as PerformanceResourceTiming[]).filter(
      (entry) => !new URL(entry.name).pathname.startsWith("/api/"),
    );
    return files.map((entry) => ({ name: entry.name, bytes: entry.encodedBodySize }));
  });
  const bytes = loaded.reduce((sum, entry) => sum + entry.bytes, 0);
  expect(loaded.length).toBeGreaterThan(2);
  expect(bytes, JSON.stringify(loaded)).toBeLessThan(FIRST_LOAD_BYTES_MAX);
});

it("serves its pages under a policy that allows its own files alone", async () => {
  const page = await open("/");
  const response = await page.request.get(lab.url);
  const policy = response.headers()["content-security-policy"] ?? "";
  expect(policy).toContain("default-src 'self'");
  expect(policy).not.toContain("unsafe");
});

it("says that an address leads nowhere", async () => {
  const page = await open("/no/such/page");
  await page.getByRole("heading", { level: 1, name: "There is no such page" }).waitFor();
  await expectAccessible(page);
});

it("keeps a chosen theme", async () => {
  const page = await open("/");
  await page.getByLabel("Theme").selectOption("dark");
  await page.reload();
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe("dark");
});
