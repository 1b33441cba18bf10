// Labels: label sets, renaming a class, history with restoring, splitting and merging in the recording.
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, expect, it } from "vitest";

import { expectAccessible, expectNoSideways, useBrowser } from "./browser";
import { Client, type Schemas } from "./client";

const { lab, open } = useBrowser();
const client = new Client(lab);
const DATASET = "labelled";

// A dataset of its own: each journey changes labels.
beforeAll(async () => {
  await client.importFolder(DATASET, join(lab.folder, "pump"), { time: "t_ns", label_from: "column:label" });
});

const version = () => client.ask<Schemas["DatasetVersion"]>("GET", `/api/data/datasets/${DATASET}`);
const newest = async () =>
  (await client.ask<Schemas["Paged_LabelChange"]>("GET", `/api/data/datasets/${DATASET}/labels/changes`)).items[0];
const classes = async () => (await version()).classes.map((total) => total.class);

/** Presses the button of the dialog and waits until it has closed. */
async function confirm(page: Page, name: string) {
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name }).click();
  await dialog.waitFor({ state: "detached" });
}

it("renames a class in all recordings, tells who did and why, and restores it", async () => {
  const page = await open(`/datasets/${DATASET}`);
  await page.getByRole("link", { name: "Labels and their history" }).click();
  await page.getByText("No label was changed yet").waitFor();
  await page.getByRole("button", { name: "Rename normal", exact: true }).click();
  const dialog = page.getByRole("dialog");
  expect(await dialog.getByRole("button", { name: "Rename the class" }).isDisabled()).toBe(true);
  await dialog.getByLabel("New name").fill("idle");
  await dialog.getByText("the two become one").waitFor();
  await dialog.getByLabel("New name").fill("healthy");
  await dialog.getByLabel("Why (optional)").fill("as the plant calls it");
  await expectAccessible(page);
  await confirm(page, "Rename the class");
  await page.getByRole("button", { name: "Rename healthy" }).waitFor();
  expect(await classes()).toContain("healthy");
  expect(await classes()).not.toContain("normal");
  const change = await newest();
  expect(change).toMatchObject({ changed_by: "admin", comment: "as the plant calls it" });

  const row = page.getByRole("row", { name: /as the plant calls it/ });
  await row.getByText("admin").waitFor();
  await expectAccessible(page);
  await row.getByRole("button", { name: /Restore/ }).click();
  await dialog.getByText(`before this change: version ${(change?.version ?? 0) - 1}`).waitFor();
  await expectAccessible(page);
  await confirm(page, "Restore the labels");
  await page.getByRole("button", { name: "Rename normal", exact: true }).waitFor();
  expect(await classes()).toContain("normal");
});

it("makes a label set of another, paints in it, and deletes it", async () => {
  const page = await open(`/datasets/${DATASET}/labels`);
  await page.getByRole("button", { name: "New label set" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("two words");
  await dialog.getByText("Letters, digits, dot, _ and - make a name").waitFor();
  await dialog.getByLabel("Name").fill("wear");
  await confirm(page, "Make the label set");
  await page.getByRole("heading", { name: "Classes of wear" }).waitFor();
  await page.getByRole("button", { name: "Copy into wear" }).waitFor();
  await expectAccessible(page);
  const copied = await version();
  for (const recording of copied.recordings) expect(recording.label_sets?.wear).toEqual(recording.labels);

  await page.getByRole("link", { name: "Paint wear" }).click();
  await page.getByRole("heading", { name: "1 label in wear" }).waitFor();
  await page.getByLabel("New class").fill("worn");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.locator(".signal").focus();
  for (const key of ["Home", "[", "Shift+ArrowRight", "]", "Enter"]) await page.keyboard.press(key);
  await page.getByRole("heading", { name: "2 labels in wear" }).waitFor();
  await page.getByRole("button", { name: "Save labels" }).click();
  await page.getByRole("link", { name: /version \d+ of labelled/ }).waitFor();
  const painted = (await version()).recordings[0];
  expect(painted?.label_sets?.wear?.map((span) => span.class)[0]).toBe("worn");
  expect(painted?.labels).toEqual(copied.recordings[0]?.labels);

  await page.goto(`${lab.url}/datasets/${DATASET}/labels?set=wear`);
  await page.getByRole("button", { name: "Delete wear" }).click();
  await confirm(page, "Delete the label set");
  await page.getByRole("link", { name: "wear", exact: true }).waitFor({ state: "detached" });
  expect((await version()).recordings.some((recording) => recording.label_sets?.wear)).toBe(false);
});

it("splits a label at the cursor, merges labels again, and saves why", async () => {
  const recording = (await version()).recordings[1] as Schemas["Entry"];
  const page = await open(`/recordings/${recording.recording_id}`);
  await page.getByRole("columnheader", { name: "Duration" }).waitFor();
  await page.locator(".signal").focus();
  for (const key of ["Home", "Shift+ArrowRight", "Shift+ArrowRight", "s", "Shift+ArrowRight", "s"]) {
    await page.keyboard.press(key);
  }
  await page.getByRole("heading", { name: "3 labels" }).waitFor();
  await page.getByLabel("Why the labels are changed").fill("the load rose");
  await page.getByRole("button", { name: "Save labels" }).click();
  await page.getByRole("link", { name: /version \d+ of labelled/ }).waitFor();
  const spans = async () =>
    (await client.ask<Schemas["RecordingPlace"]>("GET", `/api/data/recordings/${recording.recording_id}`)).labels;
  const three = await spans();
  expect(three.map((span) => span.class)).toEqual(Array(3).fill(recording.labels[0]?.class));
  expect([three[0]?.from_row, three[2]?.to_row]).toEqual([0, recording.rows]);
  expect(three[1]?.from_row).toBe(three[0]?.to_row);
  expect((await newest())?.comment).toBe("the load rose");

  // One pair by its button, the rest by a selection over both.
  await page.getByRole("button", { name: "Merge with next: rows 0 to" }).click();
  await page.getByRole("heading", { name: "2 labels" }).waitFor();
  await page.locator(".signal").focus();
  for (const key of ["Home", "[", "End", "]"]) await page.keyboard.press(key);
  await expectAccessible(page);
  await page.keyboard.press("m");
  await page.getByRole("heading", { name: "1 label", exact: true }).waitFor();
  await page.getByRole("button", { name: "Save labels" }).click();
  await page.getByText("Not saved").waitFor({ state: "detached" });
  expect(await spans()).toEqual(recording.labels);
});

it("asks before labels of one set are lost for those of another, and begins a new set", async () => {
  const recording = (await version()).recordings[2] as Schemas["Entry"];
  const page = await open(`/recordings/${recording.recording_id}`);
  await page.getByRole("columnheader", { name: "Duration" }).waitFor();
  await page.getByRole("button", { name: "Erase" }).first().click();
  await page.getByLabel("Label set", { exact: true }).selectOption({ label: "new label set…" });
  await page.getByLabel("Name of the new label set").fill("shift");
  await page.getByRole("button", { name: "Begin" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Labels are not saved").waitFor();
  await dialog.getByRole("button", { name: "Leave without saving" }).click();
  await page.waitForURL(/set=shift/);
  await page.getByRole("heading", { name: "0 labels in shift" }).waitFor();
  await page.getByLabel("Label set", { exact: true }).selectOption({ label: "own labels" });
  await page.getByRole("heading", { name: "1 label", exact: true }).waitFor();
});

it("refuses a change where somebody was faster", async () => {
  const page = await open(`/datasets/${DATASET}/labels`, { expected: [409] });
  await page.getByRole("button", { name: "Rename normal", exact: true }).click();
  const edits = [{ edit: "rename", class: "idle", to: "waiting" }];
  await client.ask("POST", `/api/data/datasets/${DATASET}/labels/changes`, { edits });
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("New name").fill("late");
  await dialog.getByRole("button", { name: "Rename the class" }).click();
  expect(await dialog.getByRole("alert").textContent()).toContain("state");
  expect(await classes()).toContain("normal");
});

it("says that there is no such dataset, and fits narrow windows in the dark", async () => {
  const page = await open("/datasets/nothing/labels", { expected: [404] });
  expect(await page.getByRole("alert").first().textContent()).toContain("not_found");
  for (const width of [390, 1280]) {
    const narrow = await open(`/datasets/${DATASET}/labels`, { width, dark: true });
    await narrow
      .getByRole("row", { name: /normal/ })
      .first()
      .waitFor();
    await expectNoSideways(narrow);
    await expectAccessible(narrow);
  }
});
