// Pictures of every page in both themes, for looking at and for the documentation.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { it } from "vitest";

import { useBrowser } from "./browser";
import { Client, type Schemas } from "./client";

/** All pictures go here. */
const FOLDER = process.env.SCREENSHOTS ?? "screenshots";
/** Those that the documentation shows go here too. */
const DOCUMENTATION = "../docs/pictures";

interface Picture {
  name: string;
  path: string;
  signedIn?: boolean;
  documented?: boolean;
  /** What to wait for or to do before the picture. */
  before?: (page: Page) => Promise<unknown>;
}

const { lab, open } = useBrowser();

async function pictures(): Promise<Picture[]> {
  const client = new Client(lab);
  const { recordings } = await client.ask<Schemas["DatasetVersion"]>("GET", "/api/data/datasets/pump");
  const recording = recordings[0]?.recording_id;
  const result = (page: Page) => page.getByText("pump-1").first().waitFor();
  return [
    { name: "sign-in", path: "/sign-in", signedIn: false },
    { name: "overview", path: "/", before: result, documented: true },
    { name: "datasets", path: "/datasets" },
    { name: "import", path: "/datasets/-/import" },
    { name: "dataset", path: "/datasets/pump", documented: true },
    { name: "recording", path: `/recordings/${recording}`, documented: true },
    { name: "training", path: "/training?dataset=pump", documented: true },
    { name: "runs", path: "/runs" },
    { name: "run-classification", path: `/runs/${lab.runs.classification}`, documented: true },
    { name: "run-anomaly", path: `/runs/${lab.runs.anomaly}` },
    { name: "run-regression", path: `/runs/${lab.runs.regression}`, documented: true },
    { name: "compare", path: `/runs/compare?a=${lab.runs.classification}&b=${lab.runs.again}` },
    { name: "models", path: "/models" },
    { name: "model", path: "/models/pump" },
    { name: "version", path: "/models/pump/1", documented: true },
    { name: "devices", path: "/devices" },
    { name: "device", path: `/devices/${lab.device}`, before: result, documented: true },
    { name: "settings", path: "/settings" },
    { name: "nowhere", path: "/nowhere" },
  ];
}

it("takes pictures of all pages", { timeout: 600_000 }, async () => {
  mkdirSync(FOLDER, { recursive: true });
  mkdirSync(DOCUMENTATION, { recursive: true });
  for (const { name, path, signedIn = true, documented, before } of await pictures()) {
    for (const theme of ["light", "dark"]) {
      const page = await open(path, { signedIn, dark: theme === "dark" });
      await page.locator("h1").waitFor();
      await before?.(page);
      // Live connections never end, so quiet is waited for by what is drawn.
      await page.locator("[role=status].loading").first().waitFor({ state: "hidden" });
      await page.evaluate(() => new Promise((drawn) => setTimeout(drawn, 1500)));
      const file = join(FOLDER, `${name}-${theme}.png`);
      await page.screenshot({ path: file, fullPage: true });
      if (documented && theme === "light") {
        await page.screenshot({ path: join(DOCUMENTATION, `${name}.png`) });
      }
      await page.context().close();
    }
    const narrow = await open(path, { signedIn, width: 420, height: 800 });
    await narrow.locator("h1").waitFor();
    await narrow.evaluate(() => new Promise((drawn) => setTimeout(drawn, 1000)));
    await narrow.screenshot({ path: join(FOLDER, `${name}-narrow.png`), fullPage: true });
    await narrow.context().close();
  }
});
