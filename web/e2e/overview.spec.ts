// The overview: results move, problems are told with their code, and can be tried again.
import { expect, it } from "vitest";

import { expectAccessible, expectNoSideways, useBrowser } from "./browser";

const { lab, open } = useBrowser();

it("shows results as they come, and the devices, models and jobs behind them", async () => {
  const page = await open("/");
  const strip = page.getByRole("img", { name: /Last \d+ results of pump-1/ }).first();
  await strip.waitFor();
  const newest = () => strip.locator("rect title").last().textContent();
  const before = await newest();
  await expect.poll(newest, { timeout: 30_000 }).not.toBe(before);
  await page.getByRole("region", { name: "Devices" }).getByText("online").first().waitFor();
  await page
    .getByRole("region", { name: "Models" })
    .getByRole("link", { name: /^pump \d/ })
    .waitFor();
  await page.getByRole("region", { name: "Jobs" }).getByText("succeeded").first().waitFor();
  await expectAccessible(page);
  await page.getByRole("link", { name: "pump-1" }).first().click();
  await page.waitForURL("**/devices/*");
});

it("tells what the trainer refused, with its code, and asks again", async () => {
  const page = await open("/settings", { expected: [503] });
  const body = { code: "unavailable", title: "The trainer is busy or ending", detail: "try again", status: 503 };
  await page.route("**/api/training/models?*", (route) =>
    route.fulfill({ status: 503, contentType: "application/problem+json", json: body }),
  );
  await page.getByRole("link", { name: "Overview" }).click();
  const alert = page.getByRole("region", { name: "Models" }).getByRole("alert");
  await alert.getByText("unavailable").waitFor();
  await page.unroute("**/api/training/models?*");
  await alert.getByRole("button", { name: "Try again" }).click();
  await page
    .getByRole("region", { name: "Models" })
    .getByRole("link", { name: /^pump \d/ })
    .waitFor();
});

it("says how to get results where the trainer has no broker, and fits a narrow screen", async () => {
  const page = await open("/settings", { width: 420, height: 800 });
  await page.route("**/api/devices/events", (route) =>
    route.fulfill({ contentType: "text/event-stream", body: 'event: broker\ndata: {"state":"none"}\n\n' }),
  );
  await page.getByRole("button", { name: "Menu" }).click();
  await page.getByRole("link", { name: "Overview" }).click();
  await page.getByText("--broker embedded").waitFor();
  await expectNoSideways(page);
  await page.unroute("**/api/devices/events");
  expect(new URL(page.url()).pathname).toBe("/");
  expect(lab.device).toBeTruthy();
});
