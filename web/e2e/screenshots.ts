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

/** What is done on pages before their picture. */
const split = (page: Page) => page.getByRole("heading", { name: /^(No leaks|\d+ leaks?)$/ }).waitFor();
const history = (page: Page) => page.getByRole("row", { name: /as the plant calls it/ }).waitFor();
const labelled = (page: Page) => page.getByRole("row", { name: /^pump/ }).waitFor();
async function frequencies(page: Page, kind: string): Promise<void> {
  await page.getByRole("button", { name: kind }).click();
  await page.getByText(/^View: rows/).waitFor();
  await page.getByLabel("Segment").selectOption({ label: "128 rows" });
  await page.getByText(/× 128 rows/).waitFor();
  await page.getByRole("heading", { name: "Frequencies" }).evaluate((heading) => heading.scrollIntoView());
}
async function steps(page: Page): Promise<void> {
  for (const kind of ["resample", "select"]) {
    await page.getByLabel("Step", { exact: true }).selectOption(kind);
    await page.getByRole("button", { name: "Add the step" }).click();
  }
  await page.getByLabel("Rate [Hz]").fill("250");
  await page.getByRole("group", { name: "2. select" }).getByLabel("accX").check();
}
async function replayed(page: Page): Promise<void> {
  await page
    .getByRole("button", { name: /^Made of/ })
    .first()
    .click();
  await page.getByRole("button", { name: /^Replay/ }).click();
  await page.getByText(/came out the same/).waitFor();
}
async function topics(page: Page): Promise<void> {
  await page.getByLabel("Topics (optional)").fill("cirame/samples/#");
  await page.getByLabel("Listen for, in seconds").fill("2");
  await page.getByRole("button", { name: "Find topics" }).click();
  await page
    .getByRole("row", { name: /pump-1/ })
    .getByRole("checkbox")
    .check();
  await page.getByRole("button", { name: "Take 1 topic" }).click();
}

/** Labels that were changed, a repair, and two recorders: what the pictures of these show. */
async function prepare(client: Client) {
  const read = { time: "t_ns", label_from: "column:label" };
  await client.importFolder("pictured", join(lab.folder, "pump"), read);
  const change = (body: Partial<Schemas["LabelChangeRequest"]>) =>
    client.ask("POST", "/api/data/datasets/pictured/labels/changes", body);
  await change({ edits: [{ edit: "rename", class: "normal", to: "healthy" }], comment: "as the plant calls it" });
  await change({ label_set: "wear", edits: [{ edit: "copy" }], comment: "for the survey in May" });
  const repair = { steps: [{ step: "resample", rate_hz: 250, method: "linear" }], into: "pictured-slow" };
  const job = await client.ask<Schemas["Job"]>("POST", "/api/data/datasets/pictured/repairs", repair);
  await client.job(job.id);
  const settings = { sources: [{ topic: "cirame/samples/{machine}" }], label: "running" };
  const record = async (dataset: string) =>
    (await client.ask<Schemas["Recorder"]>("POST", "/api/data/recorders", { dataset, settings })).id;
  const [kept, recorder] = [await record("recorded"), await record("hall-3")];
  const of = (id: string) => client.ask<Schemas["Recorder"]>("GET", `/api/data/recorders/${id}`);
  for (const id of [kept, recorder]) {
    await client.until("rows", async () => ((await of(id)).streams[0]?.rows ?? 0) > 2000 || undefined);
  }
  await client.ask("POST", `/api/data/recorders/${kept}/stop`, {});
  await client.until("the recordings", async () => (await of(kept)).state === "kept" || undefined);
  return { repaired: job.id, kept, recorder };
}

async function pictures(): Promise<Picture[]> {
  const client = new Client(lab);
  const { repaired, kept, recorder } = await prepare(client);
  const { recordings } = await client.ask<Schemas["DatasetVersion"]>("GET", "/api/data/datasets/pump");
  const recording = recordings[0]?.recording_id;
  const imbalance = recordings.find(({ labels }) => labels[0]?.class === "imbalance")?.recording_id;
  const result = (page: Page) => page.getByText("pump-1").first().waitFor();
  return [
    { name: "sign-in", path: "/sign-in", signedIn: false },
    { name: "overview", path: "/", before: result, documented: true },
    { name: "datasets", path: "/datasets" },
    { name: "import", path: "/datasets/-/import" },
    { name: "dataset", path: "/datasets/pump", documented: true },
    {
      name: "dataset-overview",
      path: "/datasets/pump/overview?test=recording:*_2.csv",
      before: split,
      documented: true,
    },
    { name: "labels", path: "/datasets/pictured/labels", before: history, documented: true },
    { name: "repair", path: "/datasets/pump/repair", before: steps, documented: true },
    { name: "repaired", path: `/datasets/pump/repair?job=${repaired}` },
    { name: "lineage", path: "/datasets/pictured-slow/lineage", before: replayed },
    { name: "recorders", path: "/recorders" },
    { name: "record", path: "/recorders/-/new?dataset=recorded", before: topics },
    { name: "recorder", path: `/recorders/${recorder}`, before: labelled, documented: true },
    { name: "recorder-kept", path: `/recorders/${kept}` },
    { name: "spectrum", path: `/recordings/${imbalance}`, before: (page) => frequencies(page, "Spectrum") },
    {
      name: "spectrogram",
      path: `/recordings/${imbalance}`,
      before: (page) => frequencies(page, "Spectrogram"),
      documented: true,
    },
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
