// Looking at data: spectrum and spectrogram of a span, the overview of a dataset version.
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

import { expectAccessible, expectNoSideways, useBrowser } from "./browser";
import { Client, type Schemas } from "./client";

const { lab, open } = useBrowser();
const client = new Client(lab);

it("shows the spectrum and the spectrogram of what is in view, and of a selection", async () => {
  const { recordings } = await client.ask<Schemas["DatasetVersion"]>("GET", "/api/data/datasets/pump");
  const recording = recordings.find(({ labels }) => labels[0]?.class === "imbalance") as Schemas["Entry"];
  const page = await open(`/recordings/${recording.recording_id}`);
  await page.getByRole("columnheader", { name: "Duration" }).waitFor();
  await page.getByRole("button", { name: "Spectrum" }).click();
  await page.getByText(/^View: rows 0 – 6\s000, \d+ × 1\s024 rows/).waitFor();
  await page.getByRole("img", { name: /Power density by frequency of accX/ }).waitFor();
  await page.getByText("accX [(m/s²)²/Hz]").waitFor();
  await expectAccessible(page);
  await page.getByLabel("Segment").selectOption({ label: "2\u202f048 rows" });
  await page.getByText(/× 2\s048 rows, 0.488 Hz apart/).waitFor();

  // A selection is looked at instead of the view; what the plot says is what the trainer found.
  await page.getByLabel("Segment").selectOption({ label: "as usual" });
  await page.getByRole("button", { name: "Spectrogram" }).click();
  await page.locator(".signal").focus();
  for (const key of ["Home", "[", ...Array<string>(10).fill("Shift+ArrowRight"), "]"]) await page.keyboard.press(key);
  const said = page.getByText(/^Selection: rows 0 – /);
  await said.waitFor();
  const to = Number(/– ([\d\s]+),/.exec((await said.textContent()) ?? "")?.[1]?.replace(/\s/g, ""));
  const query = `from_row=0&to_row=${to}&channel=accX&columns=600`;
  const path = `/api/data/recordings/${recording.recording_id}/spectrogram?${query}`;
  const found = await client.ask<Schemas["Spectrogram"]>("GET", path);
  await page.getByRole("application").focus();
  for (const key of ["ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp"]) await page.keyboard.press(key);
  const told = page.locator("figure [role=status]");
  await told.filter({ hasText: /Hz · / }).waitFor();
  const [, hz, density] = /· ([\d.]+)\s?Hz · ([\d.e+−]+)/.exec((await told.textContent()) ?? "") ?? [];
  expect(Number(hz)).toBeCloseTo(found.frequencies_hz[2] ?? 0, 2);
  const expected = found.columns[1]?.[2] ?? 0;
  expect(Math.abs(Number(density?.replace("−", "-")) - expected)).toBeLessThan(expected * 1e-3);
  await expectAccessible(page);
});

it("says why there is no spectrum", async () => {
  const folder = join(lab.folder, "holed");
  mkdirSync(folder, { recursive: true });
  const rows = Array.from({ length: 500 }, (_, row) => `${row * 10},${row === 300 ? "" : Math.sin(row)}`);
  writeFileSync(join(folder, "holed.csv"), `t_ms,level\n${rows.join("\n")}\n`);
  await client.importFolder("holed", folder, { time: "t_ms", time_unit: "ms", label_from: "none" });
  const { recordings } = await client.ask<Schemas["DatasetVersion"]>("GET", "/api/data/datasets/holed");
  const page = await open(`/recordings/${recordings[0]?.recording_id}`, { expected: [422] });
  await page.getByRole("button", { name: "Spectrum" }).click();
  await page.getByRole("alert").getByText(/300/).waitFor();
  await expectAccessible(page);
  // A part without the missing value has one; one row has none, and the trainer is not asked.
  await page.locator(".signal").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("[");
  await page.getByText("At least 8 rows have a spectrum").waitFor();
  for (const key of [...Array<string>(4).fill("Shift+ArrowRight"), "]"]) await page.keyboard.press(key);
  await page.getByRole("img", { name: /Power density by frequency of level/ }).waitFor();
  expect(await page.getByRole("alert").count()).toBe(0);
});

it("tells classes, the balance of a split, copies and leaks, with the recordings behind them", async () => {
  const folder = join(lab.folder, "twice");
  mkdirSync(folder, { recursive: true });
  const files = readdirSync(join(lab.folder, "pump")).filter((name) => /^(normal|imbalance).*\.csv$/.test(name));
  for (const file of files) copyFileSync(join(lab.folder, "pump", file), join(folder, file));
  copyFileSync(join(lab.folder, "pump", files[0] ?? ""), join(folder, "copy.csv"));
  await client.importFolder("twice", folder, { time: "t_ns", label_from: "column:label" });

  const page = await open("/datasets/twice");
  await page.getByRole("link", { name: "Balance, copies and leaks" }).click();
  await page.getByText("No split").waitFor();
  await page.getByRole("heading", { name: "1 copy" }).waitFor();
  await page.getByText("the same in every value and time").waitFor();
  await expectAccessible(page);
  await page.getByLabel("Recordings that are tested on").fill("recording:copy.csv");
  await page.getByRole("button", { name: "Show the split" }).click();
  await page.waitForURL(/test=/);
  await page.getByRole("heading", { name: "1 leak" }).waitFor();
  const { split } = await client.ask<Schemas["Overview"]>(
    "GET",
    "/api/data/datasets/twice/versions/1/overview?test=recording:copy.csv",
  );
  const balance = split?.classes.find(({ test_rows }) => test_rows > 0);
  const row = page.getByRole("row", { name: new RegExp(`^${balance?.class} [\\d\\s]+ 6\\s000`) });
  await row.waitFor();
  await page.getByRole("row", { name: /^copy\.csv .*tested on/ }).waitFor();
  await expectAccessible(page);
  await page.getByRole("listitem").getByRole("link", { name: "copy.csv" }).click();
  await page.getByRole("heading", { level: 1, name: "copy.csv" }).waitFor();
});

it("shows at its field why a split cannot be", async () => {
  const page = await open("/datasets/pump/overview?test=nothing", { expected: [422] });
  const field = page.getByLabel("Recordings that are tested on");
  await page.locator("[aria-invalid=true]").waitFor();
  expect(await field.getAttribute("aria-invalid")).toBe("true");
  await page.getByRole("button", { name: "As set aside" }).click();
  await page.getByText("No split").waitFor();
});

it("fits narrow windows in the dark", async () => {
  const { recordings } = await client.ask<Schemas["DatasetVersion"]>("GET", "/api/data/datasets/pump");
  for (const width of [390, 1280]) {
    const overview = await open("/datasets/pump/overview", { width, dark: true });
    await overview.getByRole("heading", { level: 2, name: "Split" }).waitFor();
    await expectNoSideways(overview);
    await expectAccessible(overview);
    const recording = await open(`/recordings/${recordings[0]?.recording_id}`, { width, dark: true });
    await recording.getByRole("button", { name: "Spectrogram" }).click();
    await recording.getByRole("application").waitFor();
    await expectNoSideways(recording);
    await expectAccessible(recording);
  }
});
