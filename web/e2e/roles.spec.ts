// Roles: what an annotator and a viewer see of a dataset that is shared with them, and what they may do there.
import { expect, it } from "vitest";

import { expectAccessible, expectNoSideways, useBrowser } from "./browser";
import { Client, type Schemas } from "./client";

const { lab, open } = useBrowser();
const PASSWORD = "a password of a journey";

/** Removes a user, with what the user had, so that other journeys find the lab as it was. */
async function removed(admin: Client, name: string): Promise<void> {
  const { items } = await admin.ask<Schemas["Paged_User"]>("GET", "/api/users?limit=200");
  const user = items.find((user) => user.name === name);
  if (user) await admin.ask("DELETE", `/api/users/${user.id}`);
}

/** A page of somebody who has signed in through the form. */
async function pageOf(name: string, options: { expected?: number[]; width?: number; height?: number } = {}) {
  const page = await open("/datasets", { signedIn: false, ...options, expected: [401, ...(options.expected ?? [])] });
  await page.getByLabel("User").fill(name);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Datasets", level: 1 }).waitFor();
  return page;
}

it("shares a dataset with an annotator, who labels it, and cannot do what is not theirs", async () => {
  const admin = new Client(lab);
  const owner = await open("/settings");
  await owner.getByRole("button", { name: "Add a user" }).click();
  const dialog = owner.getByRole("dialog");
  await dialog.getByLabel("Name").fill("ann");
  await dialog.getByLabel("Password").fill(PASSWORD);
  await dialog.getByLabel("Role").selectOption("annotator");
  await dialog.getByText("import, record, label and share data").waitFor();
  await expectAccessible(owner);
  await dialog.getByRole("button", { name: "Add the user" }).click();
  expect(await owner.getByLabel("Role of ann").inputValue()).toBe("annotator");

  // Nothing is shared yet.
  const ann = await pageOf("ann");
  await ann.getByText("No dataset yet").waitFor();
  expect(await ann.getByRole("navigation").getByRole("link", { name: "Training" }).count()).toBe(0);

  await owner.goto(`${lab.url}/datasets/pump`);
  await owner.getByRole("button", { name: "Share…" }).click();
  await dialog.getByRole("textbox", { name: "A user" }).fill("ann");
  await dialog.getByLabel("May", { exact: true }).selectOption("label");
  await dialog.getByRole("button", { name: "Add" }).click();
  await dialog.getByLabel("What ann may do").waitFor();
  await expectAccessible(owner);
  await dialog.getByRole("button", { name: "Save" }).click();
  await owner.getByRole("button", { name: "Shared…" }).waitFor();

  await ann.reload();
  await ann
    .getByRole("row", { name: /admin:pump/ })
    .getByText("admin’s, to label")
    .waitFor();
  expect(await ann.getByRole("link", { name: /^(Train on|Import into)/ }).count()).toBe(0);
  await ann.getByRole("link", { name: "admin:pump" }).click();
  await ann.getByText("This is admin’s dataset.").waitFor();
  await ann.getByText("You may label its recordings").waitFor();
  for (const name of ["Delete", "Share…", "Shared…", "Take out", /^Tags of/])
    expect(await ann.getByRole("button", { name }).count()).toBe(0);
  await expectAccessible(ann);

  // A label of theirs is in the trainer, and the history says whose it is.
  const before = await admin.ask<Schemas["DatasetVersion"]>("GET", "/api/data/datasets/pump");
  await ann.locator('a[href^="/recordings/"]').first().click();
  await ann.getByRole("button", { name: "Save labels" }).waitFor();
  await ann.getByRole("button", { name: "Erase", exact: true }).first().click();
  await ann.getByRole("button", { name: "Save labels" }).click();
  await ann.getByText(`version ${before.number + 1} of admin:pump`).waitFor();
  type Changes = Schemas["Paged_LabelChange"];
  const { items } = await admin.ask<Changes>("GET", "/api/data/datasets/pump/labels/changes");
  expect(items[0]).toMatchObject({ version: before.number + 1, changed_by: "ann" });

  // An address of what the role does not allow explains itself.
  await ann.goto(`${lab.url}/training?dataset=admin:pump`);
  await ann.getByText("Your role does not allow to train models").waitFor();
  await expectAccessible(ann);
  // A key of theirs does no more than they.
  await ann.goto(`${lab.url}/settings`);
  await ann.getByRole("button", { name: "Make a key" }).first().click();
  expect(await ann.getByRole("checkbox", { name: /^training/ }).isDisabled()).toBe(true);
  expect(await ann.getByRole("checkbox", { name: /^data/ }).isDisabled()).toBe(false);
  await ann.keyboard.press("Escape");

  // Lowered to a viewer by the admin, they look and no more, at once.
  await owner.goto(`${lab.url}/settings`);
  await owner.getByLabel("Role of ann").selectOption("viewer");
  await admin.until("the role", async () => {
    const { items } = await admin.ask<Schemas["Paged_User"]>("GET", "/api/users?limit=200");
    return items.find(({ name, role }) => name === "ann" && role === "viewer");
  });
  await ann.goto(`${lab.url}/datasets/admin:pump`);
  await ann.getByText("which your role does not allow").waitFor();
  await ann.locator('a[href^="/recordings/"]').first().click();
  await ann.getByText("Your role does not allow to change labels").waitFor();
  expect(await ann.getByRole("button", { name: "Save labels" }).count()).toBe(0);
  await expectAccessible(ann);
  for (const path of ["/", "/datasets", "/datasets/-/import", "/runs", "/models", "/devices", "/settings"]) {
    await ann.goto(lab.url + path);
    await ann.locator("h1, .empty").first().waitFor();
    await ann.locator("[role=status].loading").first().waitFor({ state: "hidden" });
    expect(await ann.getByRole("alert").count(), `${path} shows a refusal`).toBe(0);
  }

  // Shared no longer, it is not there.
  await owner.goto(`${lab.url}/datasets/pump`);
  await owner.getByRole("button", { name: "Shared…" }).click();
  await dialog.getByRole("button", { name: "Remove ann" }).click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await owner.getByRole("button", { name: "Share…" }).waitFor();
  const narrow = await pageOf("ann", { expected: [404], width: 420, height: 800 });
  await narrow.getByText("Nothing is shared with you yet").waitFor();
  await expectNoSideways(narrow);
  await narrow.goto(`${lab.url}/datasets/admin:pump`);
  await narrow.getByRole("alert").getByText("not_found").waitFor();

  const restore = { edits: [{ edit: "restore", version: before.number }] };
  await admin.ask("POST", "/api/data/datasets/pump/labels/changes", restore);
  await removed(admin, "ann");
});

it("says why a dataset is not shared with somebody who is not there", async () => {
  const page = await open("/datasets/pump", { expected: [422] });
  await page.getByRole("button", { name: /^Shared?…$/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "A user" }).fill("nobody");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("alert").getByText("there is no such user").waitFor();
  await expectAccessible(page);
});

it("gives a recording tags, finds it by one, and names the dataset's target", async () => {
  const admin = new Client(lab);
  const page = await open("/datasets/pump");
  const before = await admin.ask<Schemas["ShownDataset"]>("GET", "/api/data/datasets/pump");
  const name = before.recordings[0]?.name ?? "";
  await page.getByRole("button", { name: `Tags of ${name}` }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Value of machine").fill("north 7");
  await dialog.getByLabel("Value of load").fill("40");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Save the tags" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByLabel("Filter recordings by tag").selectOption("machine=north 7");
  await page.getByText(`1 of ${before.recordings.length} recordings`).waitFor();
  await page.getByRole("button", { name: "Name a target" }).click();
  await page.getByLabel("Target of a regression").selectOption("tag:load");
  await page.getByText("is what a regression on it predicts").waitFor();
  await expectAccessible(page);

  const after = await admin.ask<Schemas["ShownDataset"]>("GET", "/api/data/datasets/pump");
  expect(after).toMatchObject({ number: before.number + 1, target: "tag:load" });
  expect(after.recordings[0]?.tags).toMatchObject({ machine: "north 7", load: "40" });
  await page.goto(`${lab.url}/training?dataset=pump&estimator=ridge`);
  await page.getByLabel("Target", { exact: true }).waitFor();
  expect(await page.getByLabel("Target", { exact: true }).inputValue()).toBe("tag:load");

  await admin.ask("PUT", "/api/data/datasets/pump/target", { target: null });
  const tags = before.recordings[0]?.tags ?? {};
  await admin.ask("PUT", `/api/data/recordings/${before.recordings[0]?.recording_id}/tags`, { tags });
});
