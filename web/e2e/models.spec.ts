// Models: from the list to a version's file, its stage, and what is told where there is none.
import { expect, it } from "vitest";

import { expectAccessible, expectNoSideways, useBrowser } from "./browser";
import { Client, type Schemas } from "./client";

const { lab, open } = useBrowser();

it("leads from the list to a version with its proof, its lineage and its file", async () => {
  const page = await open("/models");
  await page.getByLabel("Task").selectOption("classification");
  await page.waitForURL("**/models?task=classification");
  await page.getByRole("rowheader").getByRole("link", { name: "pump", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "pump" }).waitFor();
  await expectAccessible(page);
  await page.getByRole("link", { name: "Version 1" }).click();
  await page.getByRole("heading", { level: 1, name: "pump 1" }).waitFor();
  await page.getByText("gave the answers that the model carries").waitFor();
  await page.getByText("random_forest_classifier").first().waitFor();
  await page.getByText('InferenceSession("pump-1.onnx")').waitFor();
  await page.getByRole("button", { name: "cirame-edge" }).click();
  await page.getByText("cirame-edge prove pump-1.onnx").waitFor();
  await expectAccessible(page);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: /^Download/ }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("pump-1.onnx");
  await page.goBack();
  await page.waitForURL("**/models/pump");
});

it("changes a stage, and the trainer keeps it", async () => {
  const page = await open("/models/pump/2");
  await page.getByLabel("Stage").selectOption("archived");
  const client = new Client(lab);
  const kept = () => client.ask<Schemas["VersionView"]>("GET", "/api/training/models/pump/versions/2");
  await expect.poll(async () => (await kept()).stage).toBe("archived");
  await page.getByLabel("Stage").selectOption("candidate");
  await expect.poll(async () => (await kept()).stage).toBe("candidate");
});

it("does not delete a version that a device serves, and says why", async () => {
  const page = await open("/models/pump/1", { expected: [409] });
  await page.getByRole("button", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("alert").getByText("in_use").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.waitFor({ state: "hidden" });
});

it("tells that a version does not exist, with the problem's code", async () => {
  const page = await open("/models/pump/99", { expected: [404], width: 420 });
  const alert = page.getByRole("alert").first();
  await alert.waitFor();
  expect(await alert.textContent()).toContain("not_found");
  await expectNoSideways(page);
});
