// What `make run` starts: a living demo that answers on the page of its device, and goes in one action.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

import { expectAccessible, useBrowser } from "./browser";
import { Program } from "./program";

const { lab, open } = useBrowser();
let start: Program | undefined;
afterAll(() => start?.stop());

/** From the start to the first answer on the page. */
const ALIVE_MS_MAX = 60_000;

it("is alive within a minute of the start, and is removed in one action", async () => {
  const data = join(lab.folder, "start");
  const ports = ["--api-port", "0", "--console-port", "0", "--broker-port", "0"];
  const log = join(lab.folder, "start.log");
  start = new Program(join(lab.programs, "cirame-trainer"), ["--data", data, "start", ...ports], log);
  const [, at = ""] = await start.waitFor(/console\s+(http:\/\/[\d.:]+)/, ALIVE_MS_MAX);
  const [, password = ""] = /^password (\S+)$/m.exec(readFileSync(join(data, "first-login"), "utf8")) ?? [];

  const page = await open("/", { at, signedIn: false, expected: [401] });
  await page.getByLabel("User").fill("admin");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("link", { name: "Watch the device" }).click();
  const stream = page.getByRole("region", { name: "demo-pump" });
  const newest = stream.getByRole("row").nth(1).getByRole("cell").last();
  const first = await newest.innerText();
  await expect.poll(() => newest.innerText(), { timeout: 20_000 }).not.toBe(first);

  await page.getByRole("link", { name: "Overview" }).click();
  await page.getByRole("button", { name: "Remove the demo" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("The local device stays enrolled").waitFor();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Remove", exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Remove the demo" }).waitFor({ state: "hidden" });
  await page.goto(`${at}/datasets`);
  await page.getByText("demo-pump").waitFor({ state: "hidden" });
  await page.goto(`${at}/devices`);
  await page.getByRole("row", { name: /^local / }).waitFor();
});
