import { expect, it } from "vitest";

import { importResult, remarks, type ImportedRecording } from "./importResult";

const recording: ImportedRecording = {
  recording: "a.csv",
  rows: 10,
  rate_hz: 100,
  channels: ["x"],
  classes: [],
  missing_values: 0,
  timing: {
    interval_median_ns: 1,
    interval_min_ns: 1,
    interval_max_ns: 1,
    gaps: 0,
    duplicates: 0,
    out_of_order: 0,
  },
  notes: [],
};

it("has nothing to remark on a clean recording", () => {
  expect(remarks(recording)).toEqual([]);
  expect(remarks({ ...recording, timing: null })).toEqual([]);
});

it("says what is missing, out of order, and noted", () => {
  const timing = { ...recording.timing!, gaps: 2, out_of_order: 1 };
  expect(remarks({ ...recording, timing, missing_values: 1, notes: ["the signature was not verified"] })).toEqual([
    "1 missing value",
    "2 gaps",
    "1 row out of order",
    "the signature was not verified",
  ]);
});

it("takes the result of an import alone", () => {
  expect(importResult(null)).toBeUndefined();
  expect(importResult({ dataset: "pump" })).toBeUndefined();
  expect(importResult({ dataset: "pump", imported: [], skipped: [] })?.dataset).toBe("pump");
});
