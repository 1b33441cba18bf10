// Journey: from a dataset to a run by the form, what it proposes, and what it says when it is refused.
import { expect, it } from "vitest";

import { expectAccessible, expectNoSideways, useBrowser } from "./browser";

const { open } = useBrowser();

it("proposes what is left open, and draws windows and split", async () => {
  const page = await open("/training?dataset=pump");
  await page.getByRole("heading", { level: 3, name: "Decided for you" }).waitFor();
  await page
    .getByText(/Proposed: [\d\u202f]+ samples/)
    .first()
    .waitFor();
  await page.getByText(/Test: a share of 0.25/).waitFor();
  await page.locator(".legend", { hasText: "tested on" }).waitFor();
  expect(await page.locator("#test .span.test").count()).toBeGreaterThan(0);
  await page.locator("#pipeline canvas").first().waitFor();
  await expectAccessible(page);
});

it("asks again when a field changes", async () => {
  const page = await open("/training?dataset=pump");
  await page.getByLabel("Window length", { exact: true }).fill("0.25");
  await page.getByText("250 samples = 0.25 s", { exact: true }).waitFor();
  await page.getByText("Proposed: 125 samples = 0.125 s").waitFor();
});

it("trains with the chosen estimator and follows the run to its figures", async () => {
  const page = await open("/training?dataset=pump");
  await page.getByLabel("Window length", { exact: true }).fill("0.5");
  await page.getByLabel(/^Logistic regression/).check();
  await page.getByText("Parameters of Logistic regression").click();
  await page.getByLabel("C", { exact: true }).fill("0.5");
  await page.getByLabel("Name of the model").fill("pump-by-hand");
  await page.getByLabel("Folds of a cross-validation").fill("2");
  await page.getByLabel("Shuffles for importance").fill("2");
  await page.locator("#train").getByRole("button", { name: "Train" }).click();
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}/);
  await page.getByText("Macro F1", { exact: true }).first().waitFor();
  await page.getByRole("link", { name: "model pump-by-hand v1" }).waitFor();
  const folds = page.getByRole("group", { name: "Cross-validation" });
  await folds.getByRole("columnheader", { name: "Fold 2" }).waitFor();
  await folds.getByRole("rowheader", { name: "Macro F1" }).waitFor();
  await page.getByRole("heading", { level: 2, name: "What matters to the model" }).waitFor();
  await page.getByRole("button", { name: "Features", exact: true }).click();
  await page.getByRole("table", { name: "Importance of features" }).waitFor();
  await expectAccessible(page);

  await page.getByRole("link", { name: "Train again with changes" }).click();
  await page.getByText("The form has the settings of").waitFor();
  await page.getByText("1 changed").first().waitFor();
  expect(await page.getByLabel("Window length", { exact: true }).inputValue()).toBe("0.5");
  expect(await page.getByLabel("Name of the model").inputValue()).toBe("pump-by-hand");
  expect(await page.getByLabel("Folds of a cross-validation").inputValue()).toBe("2");
});

it("says what to change where settings are refused", async () => {
  const page = await open("/training?dataset=pump", { expected: [422] });
  await page.getByLabel("Window length", { exact: true }).fill("3600");
  const refusal = page.getByRole("complementary", { name: "Summary" }).getByRole("alert");
  await refusal.waitFor();
  expect(await refusal.textContent()).toMatch(/code/);
  await expectAccessible(page);
  await page.getByLabel("Window length", { exact: true }).fill("0.5");
  await refusal.waitFor({ state: "hidden" });
});

it("says why there is no split for a detector until what is normal is said", async () => {
  const page = await open("/training?dataset=pump&estimator=t2q");
  await page.getByText("There is no split yet.").waitFor();
  await page.getByLabel("What is normal").selectOption("normal");
  await page.locator(".legend", { hasText: "held back to set the alarm line" }).waitFor();
});

it("explains features that a pipeline without a rate cannot have", async () => {
  const page = await open("/training?dataset=pump");
  await page.getByLabel("Rate", { exact: true }).selectOption("none");
  await page.getByText(/features cannot be computed with this pipeline/).waitFor();
  await page.getByLabel("Find a feature").fill("spectral_centroid");
  await page.getByText("Not possible: needs a rate, and the pipeline has none.").waitFor();
});

it("keeps a pipeline under a name, and forgets it", async () => {
  const page = await open("/training?dataset=pump");
  await page.getByLabel("Window length", { exact: true }).fill("0.75");
  await page.getByText("Saved pipelines").click();
  await page.getByLabel("Save this one as").fill("three-quarters");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Saved as three-quarters.").waitFor();
  await page.reload();
  await page.getByText("Saved pipelines").click();
  await page.getByLabel("Load", { exact: true }).selectOption("three-quarters");
  await page.getByRole("button", { name: "Load", exact: true }).click();
  expect(await page.getByLabel("Window length", { exact: true }).inputValue()).toBe("0.75");
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("Deleted three-quarters.").waitFor();
});

it("says that a dataset is not there, and fits a narrow window", async () => {
  const page = await open("/training?dataset=nowhere", { expected: [404], width: 420 });
  await page.getByRole("alert").first().waitFor();
  expect(await page.getByRole("alert").first().textContent()).toContain("not_found");
  await expectNoSideways(page);
});
