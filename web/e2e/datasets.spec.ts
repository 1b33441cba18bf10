// Datasets: importing a folder, deciding what its columns are, looking at what came in, older versions.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

import { expectAccessible, expectNoSideways, useBrowser } from "./browser";
import { Client, type Schemas } from "./client";

const { lab, open } = useBrowser();

/** A folder per class, with tables whose time has no unit and which have a counter. */
function tables(name: string, classes: string[], files = 2): string {
  const folder = join(lab.folder, name);
  for (const [at, label] of classes.entries()) {
    mkdirSync(join(folder, label), { recursive: true });
    for (let file = 0; file < files; file += 1) {
      const rows = Array.from({ length: 200 }, (_, row) => {
        const value = Math.sin(row / (3 + at)) * (1 + at) + file / 10;
        return `${row * 10},${value.toFixed(4)},${(value / 2).toFixed(4)}`;
      });
      writeFileSync(join(folder, label, `${file}.csv`), `t_ms,accX,accY\n${rows.join("\n")}\n`);
    }
  }
  writeFileSync(join(folder, "notes.txt"), "two pumps\n");
  return folder;
}

it("imports a folder whose sub-folders are the classes, and shows what came in", async () => {
  const page = await open("/datasets");
  await page.getByRole("link", { name: "Import", exact: true }).first().click();
  await page.waitForURL("**/datasets/-/import");
  await expectAccessible(page);
  await page.locator("input[webkitdirectory]").setInputFiles(tables("rig", ["new", "worn"]));
  await page.getByText(/Uploaded 5 of 5 files/).waitFor();
  expect(await page.getByLabel("Dataset").inputValue()).toBe("rig");
  expect(await page.getByLabel("Labels come from").inputValue()).toBe("folder");
  await page
    .getByRole("row", { name: /t_ms/ })
    .getByText(/rises from row to row/)
    .waitFor();
  expect(await page.getByLabel("Unit of t_ms").inputValue()).toBe("ms");
  await expectAccessible(page);

  // A unit that is said, and a column that becomes a target, stay through the next look.
  await page.getByLabel("Unit of accX").fill("g");
  await page.keyboard.press("Tab");
  await page.getByLabel("Role of accY").selectOption("target");
  await page.getByRole("row", { name: /accY/ }).getByText("named by `target_columns`").waitFor();
  expect(await page.getByLabel("Unit of accX").inputValue()).toBe("g");

  await page.getByRole("button", { name: "Import 4 recordings" }).click();
  await page.getByRole("heading", { name: "Imported", exact: true }).waitFor();
  await page.getByText("4 recordings with 800 rows came in").waitFor();
  await page.getByText("1 file", { exact: true }).waitFor();
  await expectAccessible(page);

  await page.getByRole("link", { name: "Open the dataset" }).click();
  await page.getByRole("heading", { level: 1, name: "rig" }).waitFor();
  await page
    .getByRole("row", { name: /worn.*400/ })
    .first()
    .waitFor();
  const client = new Client(lab);
  const { recordings } = await client.ask<Schemas["DatasetVersion"]>("GET", "/api/data/datasets/rig");
  expect(recordings[0]?.channels).toMatchObject([
    { name: "accX", unit: "g", role: "input" },
    { name: "accY", role: "target" },
  ]);
  await client.until("the uploads' removal", async () => {
    const { items } = await client.ask<Schemas["Paged_Upload"]>("GET", "/api/data/uploads?limit=500");
    return !items.some((upload) => upload.name.startsWith("rig/"));
  });
});

it("says what is missing before an import, and imports once it is said", async () => {
  const folder = join(lab.folder, "unclear");
  mkdirSync(folder, { recursive: true });
  const rows = Array.from({ length: 50 }, (_, row) => `${row},${row % 7}`);
  writeFileSync(join(folder, "slow.csv"), `time,level\n${rows.join("\n")}\n`);
  const page = await open("/datasets/-/import?dataset=unclear");
  await page.locator("input[webkitdirectory]").setInputFiles(folder);
  await page.getByText("Not ready to be imported").waitFor();
  expect(await page.getByRole("button", { name: "Import", exact: true }).isDisabled()).toBe(true);
  await page.getByLabel("Unit of time").selectOption("s");
  await page.getByRole("button", { name: "Import 1 recording" }).waitFor();
  expect(await page.getByText("Not ready to be imported").count()).toBe(0);
});

it("goes on with an upload that broke off, without what is up already", async () => {
  const page = await open("/datasets/-/import?dataset=broken", { expected: [0] });
  let broken = true;
  let sent = 0;
  await page.route("**/api/data/uploads/*", async (route) => {
    if (route.request().method() !== "PATCH") return route.fallback();
    sent += 1;
    if (broken && sent > 2) return route.abort("connectionreset");
    return route.fallback();
  });
  await page.locator("input[webkitdirectory]").setInputFiles(tables("broken", ["a", "b"]));
  await page.getByRole("alert").getByText("unreachable").waitFor({ timeout: 60_000 });
  await page.getByText(/2 files are up and stay up/).waitFor({ timeout: 60_000 });
  broken = false;
  const before = sent;
  await page.getByRole("button", { name: /Go on with 3 files/ }).click();
  await page.getByText(/Uploaded 5 of 5 files/).waitFor();
  expect(sent - before).toBe(3);
  await page.getByRole("button", { name: "Import 4 recordings" }).waitFor();
});

it("filters recordings by the address, and marks an older version as such", async () => {
  const client = new Client(lab);
  const recordings = async () =>
    (await client.ask<Schemas["DatasetVersion"]>("GET", "/api/data/datasets/plant")).recordings;
  const page = await open("/datasets/pump?q=load40&class=normal");
  await page.getByText(/^1 of \d+ recordings$/).waitFor();
  await page.getByLabel("Filter recordings by class").selectOption({ label: "All classes" });
  await page.waitForURL(/\?q=load40$/);
  await expectAccessible(page);

  const before = await recordings();
  await page.goto(`${lab.url}/datasets/plant`);
  await page
    .getByRole("row", { name: new RegExp(before[0]?.name ?? "") })
    .getByRole("button", { name: "Take out" })
    .click();
  await page.getByRole("dialog").getByRole("button", { name: "Take out of the dataset" }).click();
  await page.getByText(`${before.length - 1} of ${before.length - 1} recordings`).waitFor();
  await page.getByRole("link", { name: "version 1" }).click();
  await page.getByText("Version 1 is an older one.").waitFor();
  await page.getByText(`${before.length} of ${before.length} recordings`).waitFor();
  await page.goBack();
  await page.getByText(`${before.length - 1} of ${before.length - 1} recordings`).waitFor();
});

it("refuses to delete a dataset that runs have used, and says so", async () => {
  const page = await open("/datasets/pump", { expected: [409] });
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete the dataset" }).click();
  const alert = page.getByRole("dialog").getByRole("alert");
  await alert.waitFor();
  expect(await alert.textContent()).toContain("in_use");
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  expect(await page.getByRole("dialog").count()).toBe(0);
});

it("says that there is no such dataset, with the problem's code", async () => {
  const page = await open("/datasets/nothing", { expected: [404] });
  expect(await page.getByRole("alert").first().textContent()).toContain("not_found");
  await expectAccessible(page);
});

it("fits a narrow window", async () => {
  for (const path of ["/datasets", "/datasets/pump", "/datasets/-/import"]) {
    const page = await open(path, { width: 420 });
    await page.getByRole("heading", { level: 2 }).first().waitFor();
    await expectNoSideways(page);
  }
});
