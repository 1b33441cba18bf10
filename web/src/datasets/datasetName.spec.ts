import { expect, it } from "vitest";

import { datasetFault, suggestedName } from "./datasetName";

it("takes the names that the trainer takes", () => {
  for (const name of ["pump", "Pump-3_b.1", "3"]) expect(datasetFault(name)).toBeUndefined();
  for (const name of ["", "-pump", "a b", "a/b", "ü", "a".repeat(101)]) expect(datasetFault(name)).toBeDefined();
});

it("suggests the folder that all files share, or the only file", () => {
  expect(suggestedName(["my pump/worn/1.csv", "my pump/new/1.csv"])).toBe("my-pump");
  expect(suggestedName(["pump3.2024.csv"])).toBe("pump3");
  expect(suggestedName(["a.csv", "b.csv"])).toBe("");
  expect(suggestedName(["…/x.csv", "…/y.csv"])).toBe("");
  expect(suggestedName([])).toBe("");
});
