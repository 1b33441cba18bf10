// Signing in and out: too many attempts, sessions that end, and where one goes on.
import { expect, it } from "vitest";

import { expectAccessible, expectNoSideways, useBrowser } from "./browser";

const { lab, open } = useBrowser();

it("says when to try again after too many attempts", async () => {
  const page = await open("/sign-in", { signedIn: false, expected: [401, 429] });
  const alert = page.getByRole("alert");
  await page.getByLabel("User").fill("stranger");
  // The trainer lets a few attempts pass without a wait; each of these is one more.
  for (let attempt = 0; attempt < 12; attempt += 1) {
    await page.getByLabel("Password").fill("a guess");
    const answered = page.waitForResponse("**/api/session");
    await page.keyboard.press("Enter");
    if ((await answered).status() === 429) break;
  }
  await alert.getByText("too_many").waitFor();
  expect(await alert.textContent()).toMatch(/try again in \d+ s/);
  await expectAccessible(page);
});

it("goes on where one was after the session has ended", async () => {
  const page = await open("/models", { expected: [401] });
  await page.getByRole("heading", { level: 1, name: "Models" }).waitFor();
  await page.context().clearCookies();
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Devices" }).click();
  await page.getByText("Your session has ended").waitFor();
  expect(new URL(page.url()).searchParams.get("next")).toBe("/devices");
});

it("shows the menu on a narrow screen, and signs out", async () => {
  // This session is this test's own: signing out ends it.
  const page = await open("/sign-in", { signedIn: false, width: 420, height: 800, expected: [401] });
  await page.getByLabel("User").fill("admin");
  await page.getByLabel("Password").fill(lab.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await expectNoSideways(page);
  const menu = page.getByRole("button", { name: "Menu" });
  await menu.click();
  expect(await menu.getAttribute("aria-expanded")).toBe("true");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/sign-in");
});
