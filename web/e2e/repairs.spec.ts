// Repairs: steps are put together, carried out by a job, known as lineage, and replayed.
import type { Page } from "playwright-core";
import { expect, it } from "vitest";

import { expectAccessible, expectNoSideways, useBrowser } from "./browser";
import { Client, type Schemas } from "./client";

const { lab, open } = useBrowser();
const client = new Client(lab);

const dataset = (name: string) => client.ask<Schemas["DatasetVersion"]>("GET", `/api/data/datasets/${name}`);

async function addStep(page: Page, kind: string) {
  await page.getByLabel("Step", { exact: true }).selectOption(kind);
  await page.getByRole("button", { name: "Add the step" }).click();
}

it("builds a repair from steps, follows it, shows its lineage and replays it", async () => {
  const [first, second] = (await dataset("pump")).recordings;
  const page = await open("/datasets/pump");
  await page.getByRole("link", { name: "Join and repair" }).click();
  await page.getByText("No steps yet").waitFor();
  for (const name of [first?.name, second?.name]) await page.getByLabel(name ?? "", { exact: true }).check();
  await addStep(page, "resample");
  await addStep(page, "rename");
  await addStep(page, "select");
  // Nothing is sent before what is needed was said.
  await page.getByRole("button", { name: "Start the repair" }).click();
  await page.getByText("Something is missing in the steps.").waitFor();
  const resample = page.getByRole("group", { name: "1. resample" });
  await resample.getByText("This is needed.").waitFor();
  await expectAccessible(page);
  await resample.getByLabel("Rate [Hz]").fill("250");
  await resample.getByLabel("Method").selectOption("linear");
  const rename = page.getByRole("group", { name: "2. rename" });
  await rename.getByLabel("Channel").fill("accX");
  await rename.getByLabel("Name").fill("vertical");
  const select = page.getByRole("group", { name: "3. select" });
  await select.getByLabel("accY").check();
  await select.getByLabel("vertical").check();
  await select.getByText("In this order: accY, vertical").waitFor();
  await page.getByRole("button", { name: "Move step 3 up" }).click();
  await page.getByRole("group", { name: "2. select" }).waitFor();
  await page.getByRole("button", { name: "Move step 2 down" }).click();
  await page.getByLabel("Dataset that gets it").fill("slow");
  await page.getByLabel("Name of a recording").fill("{name}-250hz");
  await page.getByRole("button", { name: "Start the repair" }).click();
  await page.getByRole("heading", { name: "Repaired" }).waitFor();
  expect(page.url()).toContain("job=");
  await expectAccessible(page);

  const made = (await dataset("slow")).recordings;
  expect(made.map(({ name }) => name)).toEqual([`${first?.name}-250hz`, `${second?.name}-250hz`]);
  for (const recording of made) {
    expect(recording.rate_hz).toBe(250);
    expect(recording.channels.map(({ name }) => name)).toEqual(["accY", "vertical"]);
  }
  expect((await dataset("pump")).recordings[0]).toEqual(first);

  await page.getByRole("link", { name: "See the lineage" }).click();
  await page.getByRole("heading", { name: "2 made recordings" }).waitFor();
  await page.getByRole("button", { name: `Made of: ${made[0]?.name}` }).click();
  await page.getByText("resample · rate_hz 250 · method linear").waitFor();
  await page.getByText(new RegExp(`^${first?.name} 6\\s000 rows`)).waitFor();
  await page.getByRole("button", { name: "Replay 2 recordings" }).click();
  await page.getByText("2 of 2 recordings came out the same.").waitFor();
  await expectAccessible(page);

  await page.getByRole("link", { name: made[0]?.name ?? "" }).click();
  await page.getByRole("heading", { name: "Lineage" }).waitFor();
  await page.getByRole("button", { name: "Replay" }).click();
  await page.getByText("the same, byte by byte").waitFor();
});

it("shows why a repair fails at the field of its step, and keeps what was filled in", async () => {
  const page = await open("/datasets/pump/repair");
  await addStep(page, "cut");
  await page.getByRole("group", { name: "1. cut" }).getByLabel("To row (optional)").fill("1000");
  await addStep(page, "convert");
  const convert = page.getByRole("group", { name: "2. convert" });
  await convert.getByLabel("Channel").fill("accX");
  await convert.getByLabel("To", { exact: true }).fill("bar");
  await page.getByLabel("Dataset that gets it").fill("converted");
  await page.getByRole("button", { name: "Start the repair" }).click();
  await page.getByRole("heading", { name: "Nothing was made" }).waitFor();
  await page.getByRole("button", { name: "Back to the steps" }).click();
  await convert.getByText(/measures pressure/).waitFor();
  const field = convert.getByLabel("To", { exact: true });
  expect(await field.getAttribute("aria-invalid")).toBe("true");
  await expectAccessible(page);
  await field.fill("g");
  await page.getByRole("button", { name: "Start the repair" }).click();
  await page.getByRole("heading", { name: "Repaired" }).waitFor();
  const made = (await dataset("converted")).recordings[0];
  expect(made?.rows).toBe(1000);
  expect(made?.channels[0]).toMatchObject({ name: "accX", unit: "g" });
});

it("refuses recordings that would take the place of their sources, at the field of the name", async () => {
  const page = await open("/datasets/pump/repair", { expected: [422] });
  await addStep(page, "cut");
  await page.getByLabel("To row (optional)").fill("1000");
  await page.getByLabel("Dataset that gets it").fill("pump");
  await page.getByRole("button", { name: "Start the repair" }).click();
  await page.getByText(/name another dataset, or another name/).waitFor();
  expect(await page.getByLabel("Name of a recording").getAttribute("aria-invalid")).toBe("true");
});

it("is worked by the keyboard, says what is missing, and fits narrow windows in the dark", async () => {
  const missing = await open("/datasets/nothing/lineage", { expected: [404] });
  expect(await missing.getByRole("alert").first().textContent()).toContain("not_found");
  const page = await open("/datasets/pump/repair");
  await page.getByRole("button", { name: "Add the step" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("group", { name: "1. select" }).getByLabel("accX").focus();
  await page.keyboard.press("Space");
  await page.getByText("In this order: accX").waitFor();
  for (const width of [390, 1280]) {
    for (const path of ["/datasets/pump/repair", "/datasets/slow/lineage"]) {
      const narrow = await open(path, { width, dark: true });
      await narrow.getByRole("heading", { level: 2 }).first().waitFor();
      if (path.endsWith("repair")) await addStep(narrow, "resample");
      await expectNoSideways(narrow);
      await expectAccessible(narrow);
    }
  }
});
