// Settings: keys that work until they are deleted, users who see what is theirs, passwords.
import { expect, it } from "vitest";

import { expectAccessible, expectNoSideways, useBrowser } from "./browser";

const { lab, open } = useBrowser();

it("makes a key that is shown once, works, and is refused once it is deleted", async () => {
  const page = await open("/settings");
  const panel = page.getByRole("region", { name: "API keys" });
  await panel.getByRole("button", { name: "Make a key" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("journey");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Make the key" }).click();
  const secret = (await dialog.getByLabel("The key").textContent()) ?? "";
  const ask = () => fetch(`${lab.url}/api/devices`, { headers: { authorization: `Bearer ${secret}` } });
  expect((await ask()).status).toBe(200);
  await dialog.getByRole("button", { name: "I have kept it" }).click();
  await panel
    .getByRole("row", { name: /^journey/ })
    .getByRole("button", { name: "Delete" })
    .click();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await panel.getByRole("row", { name: /^journey/ }).waitFor({ state: "detached" });
  expect((await ask()).status).toBe(401);
  await expectAccessible(page);
});

it("adds a user, who sees no users, and whose changed password ends the session", async () => {
  const page = await open("/settings", { expected: [401, 422] });
  await page.getByRole("button", { name: "Add a user" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("operator");
  await dialog.getByLabel("Password").fill("first password");
  await dialog.getByRole("button", { name: "Add the user" }).click();
  const row = page.getByRole("row", { name: /^operator/ });
  await row.waitFor();

  const theirs = await open("/settings", { signedIn: false, expected: [401], width: 420, height: 800 });
  await theirs.getByLabel("User").fill("operator");
  await theirs.getByLabel("Password").fill("first password");
  await theirs.keyboard.press("Enter");
  await theirs.getByRole("heading", { name: "Password" }).waitFor();
  expect(await theirs.getByRole("heading", { name: "Users" }).count()).toBe(0);
  await expectNoSideways(theirs);
  const change = async (old: string) => {
    await theirs.getByLabel("Present password").fill(old);
    await theirs.getByLabel("New password", { exact: true }).fill("second password");
    await theirs.getByLabel("New password again").fill("second password");
    await theirs.getByRole("button", { name: "Change the password" }).click();
  };
  await change("not the password");
  await theirs.getByRole("alert").getByText("wrong_password").waitFor();
  await change("first password");
  await theirs.getByText("Sign in with the new one").waitFor();

  await row.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await row.waitFor({ state: "detached" });
});

it("refuses a name that is taken, with the problem's code", async () => {
  const page = await open("/settings", { expected: [409] });
  await page.getByRole("button", { name: "Add a user" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("admin");
  await dialog.getByLabel("Password").fill("some password");
  await dialog.getByRole("button", { name: "Add the user" }).click();
  const alert = dialog.getByRole("alert");
  await alert.waitFor();
  expect(await alert.textContent()).toMatch(/code \w+/);
  await expectAccessible(page);
});
