// Devices: one enrols by the command that the console shows, serves, goes back, and is deleted.
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

import { expectAccessible, expectNoSideways, useBrowser } from "./browser";
import { Program } from "./program";

const { lab, open } = useBrowser();
let edge: Program | undefined;
afterAll(() => edge?.stop());

/** Starts the edge as the command says, with a name and a folder of its own. */
function obey(command: string): Program {
  const [, token = "", trainer = ""] = /^CIRAME_TOKEN=(\S+) cirame-edge serve --trainer (\S+)$/.exec(command) ?? [];
  const own = ["--state", join(lab.folder, "second-edge"), "--listen", "127.0.0.1:0", "--name", "second"];
  const log = join(lab.folder, "second-edge.log");
  const args = ["serve", "--trainer", trainer, ...own];
  return new Program(join(lab.programs, "cirame-edge"), args, log, { CIRAME_TOKEN: token });
}

it("enrols a device by the command shown, deploys, goes back in one click, takes away, and deletes it", async () => {
  const page = await open("/devices");
  await page.getByRole("button", { name: "Enrol a device" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("What the token is for").fill("second device");
  await dialog.getByLabel("Group (optional)").fill("hall");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Make a token" }).click();
  const command = await dialog.getByLabel("Command that enrols the device").textContent();
  await dialog.getByText("Only this machine reaches").waitFor();
  edge = obey(command ?? "");
  await dialog.getByText("second has enrolled").waitFor();
  await dialog.getByRole("link", { name: "Open it" }).click();
  await page.getByRole("heading", { level: 1, name: "second" }).waitFor();

  const serves = page.getByRole("banner").or(page.locator(".page-header"));
  for (const version of ["1", "2"]) {
    await page.getByRole("button", { name: "Deploy a model" }).first().click();
    await dialog.getByLabel("Model").selectOption("pump");
    await dialog.getByLabel("Version").selectOption(version);
    await dialog.getByRole("button", { name: "Deploy", exact: true }).click();
    await serves.getByText(`serves pump ${version}`).waitFor();
  }
  await page.getByRole("region", { name: "pump-1" }).getByRole("cell", { name: "pump 2" }).first().waitFor();
  await expectAccessible(page);

  await page.getByRole("button", { name: "Go back to pump 1" }).click();
  await dialog.getByText("second serves pump 2 now").waitFor();
  await dialog.getByRole("button", { name: "Go back" }).click();
  await serves.getByText("serves pump 1").waitFor();
  await page.getByRole("region", { name: "pump-1" }).getByRole("cell", { name: "pump 1" }).first().waitFor();
  await page
    .getByRole("button", { name: /Show the proof of pump 1/ })
    .first()
    .click();
  await dialog.getByText("gave the answers that the model carries").waitFor();
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "Take away" }).click();
  await dialog.getByText("second will serve no pump any more").waitFor();
  await dialog.getByRole("button", { name: "Take away" }).click();
  await page.getByText("withdrawn").first().waitFor();
  await serves.getByText("serves pump 1").waitFor({ state: "detached" });

  await page.getByRole("button", { name: "Delete the device" }).click();
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await page.waitForURL("**/devices");
  await page.getByRole("row", { name: /^second (online|offline)/ }).waitFor({ state: "detached" });
});

it("shows the answer of a stream, and how a sensor publishes", async () => {
  const page = await open(`/devices/${lab.device}`, { width: 420, height: 800 });
  const stream = page.getByRole("region", { name: "pump-1" });
  await stream.getByRole("row").nth(3).waitFor();
  await page.getByText("How sensors publish to this device").click();
  await page.getByText("cirame/samples/pump-1 -m").waitFor();
  await expectNoSideways(page);
  await expectAccessible(page);
});

it("tells that a device does not exist, with the problem's code", async () => {
  const page = await open("/devices/01900000-0000-7000-8000-000000000000", { expected: [404] });
  const alert = page.getByRole("alert").first();
  await alert.waitFor();
  expect(await alert.textContent()).toContain("not_found");
});
