// The recorder: topics are found and chosen, streams named, live counters followed, labels given, and the
// recordings opened.
import { expect, it } from "vitest";

import { expectAccessible, expectNoSideways, useBrowser } from "./browser";
import { Client, type Schemas } from "./client";

const { lab, open } = useBrowser();
const client = new Client(lab);
const TOPIC = "cirame/samples/pump-1";

it("finds a topic, records it with labels given meanwhile, stops, and opens the recording", async () => {
  const page = await open("/recorders");
  await page.getByRole("link", { name: "Record", exact: true }).click();
  await page.getByLabel("Topics (optional)").fill("cirame/samples/#");
  await page.getByLabel("Listen for, in seconds").fill("2");
  await page.getByRole("button", { name: "Find topics" }).click();
  const heard = page.getByRole("row", { name: new RegExp(TOPIC) });
  await heard.getByText(/accX/).waitFor();
  await heard.getByRole("checkbox").check();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Take 1 topic" }).click();
  const source = page.getByRole("group", { name: "Source 1" });
  expect(await source.getByLabel("Stream (optional)").inputValue()).toBe("cirame.samples.pump-1");
  await source.getByLabel("Stream (optional)").fill("pump");
  await page.getByLabel("Dataset", { exact: true }).fill("recorded");
  await page.getByLabel("Label from the beginning on (optional)").fill("running");
  await page.getByLabel("Tags (optional)").fill("load=40");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Start recording" }).click();
  await page.getByRole("heading", { level: 1, name: "Recording recorded" }).waitFor();
  const id = page.url().split("/").pop() ?? "";
  const recorder = () => client.ask<Schemas["Recorder"]>("GET", `/api/data/recorders/${id}`);
  const rows = async (more: number) =>
    client.until("rows", async () => ((await recorder()).streams[0]?.rows ?? 0) > more || undefined);

  await page.getByRole("row", { name: /^pump/ }).getByText(/accX/).waitFor();
  await rows(0);
  await page.getByRole("button", { name: "running", pressed: true }).waitFor();
  await page.getByLabel("Another class").fill("loaded");
  await page.getByRole("button", { name: "Label now" }).click();
  await page.getByRole("button", { name: "loaded", pressed: true }).waitFor();
  await rows(((await recorder()).streams[0]?.rows ?? 0) + 500);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Stop and keep" }).click();
  await page.getByRole("heading", { name: "Kept" }).waitFor();
  await page.getByText("It was stopped.").waitFor();
  await expectAccessible(page);

  const made = (await client.ask<Schemas["DatasetVersion"]>("GET", "/api/data/datasets/recorded")).recordings[0];
  expect(made?.labels.map((span) => span.class)).toEqual(["running", "loaded"]);
  expect(made?.tags.load).toBe("40");
  expect(made?.name.endsWith("/pump")).toBe(true);
  await page.getByRole("link", { name: made?.name ?? "" }).click();
  await page.getByRole("heading", { level: 1, name: made?.name ?? "" }).waitFor();
  await page.getByRole("heading", { name: "2 labels" }).waitFor();

  await page.goto(`${lab.url}/recorders`);
  await page.getByRole("row", { name: /recorded kept/ }).waitFor();
  await expectAccessible(page);
});

it("shows a refusal at the field of the source", async () => {
  const page = await open("/recorders/-/new?dataset=refused", { expected: [422] });
  await page.getByRole("button", { name: "Start recording" }).click();
  await page.getByText(/name a topic/).waitFor();
  await page.getByRole("button", { name: "Add a source" }).click();
  const source = page.getByRole("group", { name: "Source 1" });
  await source.getByLabel("Topic", { exact: true }).fill("plant/#");
  await page.getByRole("button", { name: "Start recording" }).click();
  await source.getByText(/levels are not empty/).waitFor();
  expect(await source.getByLabel("Topic", { exact: true }).getAttribute("aria-invalid")).toBe("true");
  await source.getByLabel("Topic", { exact: true }).fill("plant/pump");
  await page.getByRole("button", { name: "Start recording" }).click();
  await source.getByText(/the stream needs a name/).waitFor();
  await source.getByLabel("Stream (optional)").fill("pump");
  await page.getByLabel("Resample to, in Hz (optional)").fill("-1");
  await page.getByRole("button", { name: "Start recording" }).click();
  await page.getByText(/more than 0/).waitFor();
  await expectAccessible(page);
  await page.getByLabel("Resample to, in Hz (optional)").fill("");
  await page.getByLabel("Broker (optional)").fill("http://broker");
  await page.getByRole("button", { name: "Start recording" }).click();
  const broker = page.locator("input[aria-invalid=true]");
  await broker.waitFor();
  expect(await broker.inputValue()).toBe("http://broker");
});

it("says that there is no such recorder, and fits narrow windows in the dark", async () => {
  const missing = await open("/recorders/01900000-0000-7000-8000-000000000000", { expected: [404] });
  expect(await missing.getByRole("alert").first().textContent()).toContain("not_found");
  for (const width of [390, 1280]) {
    for (const path of ["/recorders", "/recorders/-/new"]) {
      const page = await open(path, { width, dark: true });
      await page.getByRole("heading", { level: 2 }).first().waitFor();
      if (path.endsWith("new")) await page.getByRole("button", { name: "Add a source" }).click();
      await expectNoSideways(page);
      await expectAccessible(page);
    }
  }
});
