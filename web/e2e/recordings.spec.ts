// A recording: looking at signals, painting labels with mouse and keyboard, undo, saving, leaving.
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, expect, it } from "vitest";

import { expectAccessible, expectNoSideways, useBrowser } from "./browser";
import { Client, type Schemas } from "./client";

const { lab, open } = useBrowser();
const client = new Client(lab);

// A dataset of its own: painting changes what others could learn from.
beforeAll(async () => {
  const options = { time: "t_ns", label_from: "column:label" };
  await client.importFolder("painted", join(lab.folder, "pump"), options);
});

async function recordings(): Promise<Schemas["Entry"][]> {
  return (await client.ask<Schemas["DatasetVersion"]>("GET", "/api/data/datasets/painted")).recordings;
}

/** The recording at this place, opened, with its signals drawn. */
async function opened(at: number, options: Parameters<typeof open>[1] = {}): Promise<[Page, Schemas["Entry"]]> {
  const recording = (await recordings())[at] as Schemas["Entry"];
  const page = await open(`/recordings/${recording.recording_id}`, options);
  // Labels have times once the signals are there.
  await page.getByRole("columnheader", { name: "Duration" }).waitFor();
  return [page, recording];
}

/** Drags over the first channel, from one share of its width to another. */
async function drag(page: Page, from: number, to: number) {
  const box = await page.locator(".u-over").first().boundingBox();
  if (!box) throw new Error("there is no plot");
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * from, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * ((from + to) / 2), y);
  await page.mouse.move(box.x + box.width * to, y);
  await page.mouse.up();
}

/** The labels as their table says them: class and first row. */
async function listed(page: Page): Promise<string[]> {
  const rows = page.locator("tbody tr");
  const found = [];
  for (let at = 0; at < (await rows.count()); at += 1) {
    const row = rows.nth(at);
    const from = (await row.locator("td").nth(1).innerText()).replace(/\s/g, "");
    found.push(`${await row.locator("select").inputValue()} ${from}`);
  }
  return found;
}

it("paints with the mouse, takes it back and again, and saves a new version", async () => {
  const [page, recording] = await opened(0);
  const own = recording.labels[0]?.class ?? "";
  await page.getByLabel("New class").fill("leak");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("button", { name: /^Paint/ }).click();
  await drag(page, 0.25, 0.5);
  await page.getByRole("heading", { name: "3 labels" }).waitFor();
  const [, painted] = await listed(page);
  const from = Number(painted?.split(" ")[1]);
  expect(Math.abs(from - recording.rows / 4)).toBeLessThan(recording.rows / 50);
  await page.keyboard.press("Control+z");
  expect(await listed(page)).toEqual([`${own} 0`]);
  await page.keyboard.press("Control+Shift+z");
  await page.getByRole("heading", { name: "3 labels" }).waitFor();
  await page.getByText("Not saved").waitFor();
  await expectAccessible(page);

  await page.getByRole("button", { name: "Save labels" }).click();
  await page.getByRole("link", { name: /version \d+ of painted/ }).waitFor();
  const saved = await client.ask<Schemas["RecordingPlace"]>("GET", `/api/data/recordings/${recording.recording_id}`);
  expect(saved.labels.map((label) => label.class)).toEqual([own, "leak", own]);
  expect(saved.labels[1]?.from_row).toBe(from);
});

it("paints with the keyboard alone", async () => {
  const [page, recording] = await opened(1);
  await page.locator(".signal").focus();
  for (const key of ["Home", "[", "Shift+ArrowRight", "Shift+ArrowRight", "]", "n", "Enter"]) {
    await page.keyboard.press(key);
  }
  const first = Number((await listed(page))[0]?.split(" ")[1]);
  expect(first).toBeGreaterThan(recording.rows / 20);
  await page.keyboard.press("Control+z");
  expect(Number((await listed(page))[0]?.split(" ")[1])).toBe(0);
  await page.keyboard.press("?");
  await page.getByRole("dialog").getByText("move the cursor; with Shift in larger steps").waitFor();
  await expectAccessible(page);
});

it("zooms, keeps the view in the address, and reads values at the cursor", async () => {
  const [page] = await opened(1);
  await page.locator(".signal").focus();
  for (const key of ["ArrowRight", "+", "+", "+", "+", "+", "+", "+"]) await page.keyboard.press(key);
  await page.waitForURL(/from=\d+&to=\d+/);
  const url = page.url();
  await page.getByText(/^row [\d\s]+ · [\d.]+\ss$/).waitFor();
  await page.reload();
  await page.locator(".u-over").first().waitFor();
  expect(page.url()).toBe(url);
  await page.locator(".signal").focus();
  await page.keyboard.press("0");
  await page.waitForURL((address) => !address.search.includes("from"));
});

it("asks before changes are lost, and goes to the next recording once they are saved or given up", async () => {
  const [page] = await opened(2);
  await page.getByRole("button", { name: "Erase" }).first().click();
  await page.getByRole("link", { name: /Next/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Labels are not saved").waitFor();
  await expectAccessible(page);
  const stayed = page.url();
  await dialog.getByRole("button", { name: "Stay" }).click();
  expect(page.url()).toBe(stayed);
  await page.getByRole("link", { name: /Next/ }).click();
  await dialog.getByRole("button", { name: "Leave without saving" }).click();
  const following = (await recordings())[3];
  await page.waitForURL(`**/recordings/${following?.recording_id}`);
  expect((await recordings())[2]?.labels).toHaveLength(1);
});

it("keeps unsaved labels when saving is refused, and says why", async () => {
  const [page] = await opened(3, { expected: [507] });
  const problem = { code: "disk_full", title: "The disk is full", detail: "free some space", status: 507 };
  await page.route("**/labels/changes", (route) =>
    route.fulfill({ status: 507, contentType: "application/problem+json", body: JSON.stringify(problem) }),
  );
  await page.getByRole("button", { name: "Erase" }).first().click();
  await page.getByRole("button", { name: "Save labels" }).click();
  expect(await page.getByRole("alert").textContent()).toContain("disk_full");
  await page.getByText("Not saved").waitFor();
  await page.unroute("**/labels/changes");
  await page.getByRole("button", { name: "Discard" }).click();
  await page.getByRole("heading", { name: "1 label" }).waitFor();
});

it("says that there is no such recording", async () => {
  const page = await open("/recordings/0190b5d0-0000-7000-8000-000000000000", { expected: [404] });
  expect(await page.getByRole("alert").first().textContent()).toContain("not_found");
});

it("fits a narrow window, in the dark too", async () => {
  const [page] = await opened(0, { width: 420, dark: true });
  await expectNoSideways(page);
  await expectAccessible(page);
});
