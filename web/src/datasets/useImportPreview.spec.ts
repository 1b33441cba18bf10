import { expect, it } from "vitest";

import { decidedBy } from "./useImportPreview";

it("leaves alone what a user has changed, and proposes on where nothing was said", () => {
  const decided = decidedBy({ units: { a: "g" }, time: "t" }, { units: {}, time: "t" }, new Set());
  expect([...decided]).toEqual(["units"]);
  expect([...decidedBy({ recording_column: "r" }, { recording_column: null }, decided)].sort()).toEqual([
    "recording_column",
    "units",
  ]);
});

it("asks again for the unit of times and the source of labels once they are emptied", () => {
  const both = new Set(["time_unit", "label_from"] as const);
  expect(decidedBy({ time_unit: "s", label_from: "none" }, { time_unit: null, label_from: null }, both).size).toBe(0);
});
