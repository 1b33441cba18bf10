// Journey: a run's figures and the windows behind them, two runs compared, a run that is not there.
import { expect, it } from "vitest";

import { expectAccessible, expectNoSideways, useBrowser } from "./browser";
import { Client, type Schemas } from "./client";

const { lab, open } = useBrowser();
const client = () => new Client(lab);

it("lists runs with their main figure, and compares two", async () => {
  const page = await open("/runs");
  const row = page.getByRole("row", { name: /Random forest on|Random forest/ }).first();
  await row.getByText("Macro F1").waitFor();
  await expectAccessible(page);
  await page.getByRole("checkbox", { name: "Compare Random forest on pump" }).first().check();
  await page.getByRole("checkbox", { name: "Compare Logistic regression on pump" }).first().check();
  await page.getByRole("link", { name: "Compare the two" }).click();
  await page.getByRole("heading", { level: 2, name: "Settings that differ" }).waitFor();
});

it("calls a figure better only where both runs were tested on the same windows", async () => {
  const { classification: a, again: b, anomaly } = lab.runs;
  const page = await open(`/runs/compare?a=${a}&b=${b}`);
  await page.getByText("Both were tested on the same windows of the same data.").waitFor();
  await page.getByRole("rowheader", { name: "estimator", exact: true }).waitFor();
  await page.getByRole("heading", { level: 2, name: "Confusion matrix of A" }).waitFor();
  await page.getByText(/^A: area/).waitFor();
  await expectAccessible(page);
  await page.goto(`${lab.url}/runs/compare?a=${a}&b=${anomaly}`);
  await page.getByText("Not comparable.").waitFor();
  expect(await page.locator(".better").count()).toBe(0);
});

it("opens the windows behind a cell of the confusion matrix", async () => {
  const run = lab.runs.classification;
  const report = (await client().ask<Schemas["Run"]>("GET", `/api/training/runs/${run}`)).report;
  const metrics = report?.evaluation?.model as Schemas["ClassificationMetrics"];
  const normal = report?.classes.indexOf("normal") ?? -1;
  const count = metrics.confusion[normal]?.[normal] ?? 0;
  expect(count).toBeGreaterThan(0);

  const page = await open(`/runs/${run}`);
  await page.getByRole("button", { name: new RegExp(`^${count} .*true normal, answered normal`) }).click();
  await page.getByRole("heading", { level: 2, name: "True normal, answered normal" }).waitFor();
  expect(page.url()).toContain("truth=normal&answer=normal");
  await page.getByText(`${Math.min(count, 100)} shown`).waitFor();
  await page.locator(".behind canvas").first().waitFor();
  await expectAccessible(page);

  const windows = page.getByRole("list", { name: "Windows" }).getByRole("button");
  await windows.first().focus();
  await page.keyboard.press("ArrowDown");
  await page.waitForURL(/window=/);
  await page.reload();
  expect(await windows.nth(1).getAttribute("aria-current")).toBe("true");
  await page.goBack();
  await page.getByRole("heading", { level: 2, name: "True normal, answered normal" }).waitFor({ state: "hidden" });
});

it("shows scores with the alarm line, and a window's signal by keyboard", async () => {
  const page = await open(`/runs/${lab.runs.anomaly}`);
  await page.getByRole("img", { name: /Scores of \d+ windows .* alarm line at 1.0/ }).waitFor();
  await page.getByRole("button", { name: "First window" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("(alarm line 1.0)").waitFor();
  await page.getByRole("heading", { level: 3, name: "ROC" }).waitFor();
  await expectAccessible(page);
});

it("shows predicted and true values over time with their residuals", async () => {
  const page = await open(`/runs/${lab.runs.regression}`);
  await page.getByRole("img", { name: /Predicted and true power.* of \d+ windows/ }).waitFor();
  await page.getByRole("img", { name: /^Residuals, predicted less true/ }).waitFor();
  await page.getByRole("img", { name: /^Histogram of \d+ residuals/ }).waitFor();
  await page.getByText("R²", { exact: true }).waitFor();
  await expectAccessible(page);
});

it("says why a run failed and brings its settings back", async () => {
  const request = {
    dataset: "pump",
    estimator: "t2q",
    parameters: { false_alarm_rate: 0.0001 },
    selection: { normal: "normal" } as Schemas["Selection"],
  };
  const submitted = await client().ask<Schemas["Submitted"]>("POST", "/api/training/runs", request);
  const page = await open(`/runs/${submitted.run_id}`);
  await page.getByRole("alert").getByText("The run has failed").waitFor();
  await page.getByText("calibration rows are too few", { exact: false }).first().waitFor();
  await expectAccessible(page);
  await page.getByRole("link", { name: "Train again with changes" }).first().click();
  expect(await page.getByLabel("What is normal").inputValue()).toBe("normal");
});

it("says that a run is not there, with the problem's code", async () => {
  const page = await open("/runs/01a00000-0000-7000-8000-000000000000", { expected: [404] });
  const alert = page.getByRole("alert");
  await alert.waitFor();
  expect(await alert.textContent()).toContain("not_found");
  await expectAccessible(page);
});

it("fits a narrow window", async () => {
  const { classification, anomaly, regression, again } = lab.runs;
  const paths = ["/runs", `/runs/compare?a=${classification}&b=${again}`];
  for (const path of [...paths, ...[classification, anomaly, regression].map((id) => `/runs/${id}`)]) {
    const page = await open(path, { width: 420 });
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.locator(".loading").first().waitFor({ state: "hidden" });
    await expectNoSideways(page);
  }
});
