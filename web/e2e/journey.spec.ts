// The way of a new user, from a folder of files to a result on a device and back to the model before.
import { expect, it } from "vitest";

import { expectAccessible, useBrowser } from "./browser";
import { simulate } from "./lab";

const { lab, open } = useBrowser();

it("goes from a folder of files to a live result, and back to the model before", async () => {
  const folder = await simulate(
    lab,
    "first",
    "vibration",
    ...["--seconds", "4", "--per-class", "3", "--classes", "normal,bearing,idle,off", "--seed", "5"],
  );

  // Sign in.
  const page = await open("/datasets/-/import", { signedIn: false, expected: [401] });
  await page.getByLabel("User").fill("admin");
  await page.getByLabel("Password").fill(lab.password);
  await page.getByRole("button", { name: "Sign in" }).click();

  // Import a folder: what its columns are is proposed with evidence, and confirmed.
  await page.locator("input[webkitdirectory]").setInputFiles(folder);
  await page.getByText("Uploaded 12 of 12 files").waitFor();
  expect(await page.getByLabel("Dataset").inputValue()).toBe("first");
  await page.getByRole("button", { name: "Import 12 recordings" }).click();
  await page.getByText("12 recordings with 48\u202f000 rows came in").waitFor();
  await page.getByRole("link", { name: "Open the dataset" }).click();
  await page.getByRole("heading", { level: 1, name: "first" }).waitFor();

  // Paint a label with the mouse: the machine was off for the last quarter of a recording.
  await page
    .getByRole("link", { name: /idle_0\.csv$/ })
    .first()
    .click();
  await page.waitForURL("**/recordings/*");
  await page.getByRole("columnheader", { name: "Duration" }).waitFor();
  await page.getByRole("button", { name: /^Paint/ }).click();
  await page.locator("label.choice", { hasText: "off" }).click();
  const plot = await page.locator(".u-over").first().boundingBox();
  if (!plot) throw new Error("there is no plot");
  const y = plot.y + plot.height / 2;
  await page.mouse.move(plot.x + plot.width * 0.75, y);
  await page.mouse.down();
  await page.mouse.move(plot.x + plot.width * 0.9, y);
  await page.mouse.move(plot.x + plot.width + 40, y);
  await page.mouse.up();
  await page.getByRole("heading", { name: "2 labels" }).waitFor();
  await page.getByRole("button", { name: "Save labels" }).click();
  await page.getByRole("link", { name: "version 2 of first" }).waitFor();

  // Train.
  await page.getByRole("link", { name: "first", exact: true }).first().click();
  await page.getByRole("link", { name: "Train on this dataset" }).click();
  await page.getByLabel("Window length", { exact: true }).fill("0.5");
  await page.getByLabel("Name of the model").fill("first-model");
  await page.locator("#test .span.test").first().waitFor();
  await page.locator("#train").getByRole("button", { name: "Train" }).click();

  // Read the confusion matrix.
  await page.getByText("Macro F1", { exact: true }).waitFor();
  await page.getByRole("heading", { level: 2, name: "Confusion matrix" }).waitFor();
  const cell = page.getByRole("button", { name: /true bearing.*bearing/i }).first();
  await cell.click();
  await page.getByRole("heading", { level: 2, name: "True bearing, answered bearing" }).waitFor();
  await expectAccessible(page);

  // Deploy, and watch a result arrive.
  await page.getByRole("link", { name: "model first-model v1" }).click();
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Device").selectOption(lab.device);
  await dialog.getByRole("button", { name: "Deploy", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: lab.deviceName }).waitFor();
  const serves = page.locator(".page-header");
  await serves.getByText("serves first-model 1").waitFor();
  const stream = page.getByRole("region", { name: "pump-1" });
  await stream.getByRole("cell", { name: "first-model 1" }).first().waitFor();

  // Take it away again: the model before goes on alone.
  const deployment = page.getByRole("row").filter({ hasText: "first-model" });
  await deployment.getByRole("button", { name: "Take away" }).click();
  await dialog.getByRole("button", { name: "Take away" }).click();
  await serves.getByText("serves pump 1").waitFor();
  await stream.getByRole("cell", { name: "pump 1" }).first().waitFor();
});
