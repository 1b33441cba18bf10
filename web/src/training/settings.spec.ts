// The form's settings and the requests that come of them.
import { expect, it } from "vitest";

import { noteText, openSettings, previewOf, requestOf, settingsOf } from "./settings";

it("takes over the settings of a run, and leaves open what they do not have", () => {
  const kept = {
    dataset: "pump",
    dataset_version: 3,
    estimator: "ridge",
    parameters: { alpha: 2 },
    pipeline: { window: { seconds: 0.5 }, gap: { max_samples: 4 } },
    selection: { target: "power", test: { share: 0.2 } },
    seed: 7,
  };
  const settings = settingsOf(kept);
  expect(settings.pipeline.window).toEqual({ seconds: 0.5 });
  expect(settings.pipeline.gap).toEqual({ max_samples: 4, fill: "none", interval_max_ms: null });
  expect(settings.pipeline.features).toEqual(["all"]);
  expect(settings.selection.target).toBe("power");
  expect(settings.selection.label_rule).toBeNull();
  expect(requestOf(settings, "regression", "").selection?.test).toEqual({ share: 0.2 });
});

it("sends only what concerns the task", () => {
  const settings = openSettings("pump");
  settings.estimator = "any";
  settings.selection.target = "power";
  settings.selection.normal = "healthy";
  expect(requestOf(settings, "classification", "").selection).toMatchObject({ target: null, normal: null });
  expect(requestOf(settings, "regression", "").selection).toMatchObject({ target: "power", normal: null });
  expect(requestOf(settings, "anomaly", "").selection).toMatchObject({ target: null, normal: "healthy" });
  expect(settings.selection.target).toBe("power");
  settings.insight = { folds: 5, importance_repeats: 3 };
  expect(requestOf(settings, "regression", "").insight).toEqual({ folds: 5, importance_repeats: 3 });
  expect(requestOf(settings, "anomaly", "").insight).toEqual({ folds: null, importance_repeats: 3 });
});

it("names a model only where the form does", () => {
  expect(requestOf(openSettings("pump"), "anomaly", "  ").model).toBeNull();
  expect(requestOf(openSettings("pump"), "anomaly", " watch ").model).toBe("watch");
});

it("asks for a split only once an estimator is chosen", () => {
  const settings = openSettings("pump");
  expect(previewOf(settings, undefined, null)).not.toHaveProperty("selection");
  settings.estimator = "ridge";
  expect(previewOf(settings, "regression", "id")).toMatchObject({ estimator: "ridge", recording: "id", seed: 0 });
});

it("says a note without the command line's options", () => {
  expect(noteText("test: a share of 0.25 (--test to change)")).toBe("Test: a share of 0.25.");
  expect(noteText("window 1 sample: each row (a cycle) stands for itself (--window-samples to change)")).toBe(
    "Window 1 sample: each row (a cycle) stands for itself.",
  );
});
